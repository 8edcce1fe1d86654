FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -r requirements.txt

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /app diner \
    && install -d -o diner -g diner /app/var
WORKDIR /app
COPY --from=build /venv /venv
COPY dinerapp dinerapp
COPY adapters adapters
COPY blueprints blueprints
COPY wsgi.py serve.py gunicorn.conf.py ./
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
USER diner
VOLUME /app/var
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/api/health/live\", timeout=2)"]
CMD ["python", "serve.py"]

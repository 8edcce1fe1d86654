-- What wrk sends: the lines of a file in turn, each "path TAB token TAB body".
-- A body makes it a POST, and every POST gets a key of its own, which begins as the second argument.

local requests, keys, sent = {}, "", 0

function init(args)
  keys = args[2] .. "-"
  for line in io.lines(args[1]) do
    local path, token, body = line:match("^([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    if token ~= "" then headers["Authorization"] = "Bearer " .. token end
    if body == "" then
      requests[#requests + 1] = { ready = wrk.format("GET", path, headers) }
    else
      headers["Content-Type"] = "application/json"
      requests[#requests + 1] = { path = path, headers = headers, body = body }
    end
  end
end

function request()
  sent = sent + 1
  local next = requests[sent % #requests + 1]
  if next.ready then return next.ready end
  next.headers["Idempotency-Key"] = keys .. sent
  return wrk.format("POST", next.path, next.headers, next.body)
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format(
    'measured {"good": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d}\n',
    summary.requests - errors.status, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end

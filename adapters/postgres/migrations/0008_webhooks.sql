CREATE TABLE webhooks (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    active boolean NOT NULL GENERATED ALWAYS AS ((content ->> 'active')::boolean) STORED
);
CREATE INDEX webhooks_newest ON webhooks (created_at, id) WHERE NOT deleted;

CREATE TABLE deliveries (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    due timestamptz(3),
    webhook_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'webhook_id') STORED,
    state text NOT NULL GENERATED ALWAYS AS (content ->> 'state') STORED
);
CREATE INDEX deliveries_newest ON deliveries (created_at, id) WHERE NOT deleted;
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, created_at, id) WHERE NOT deleted;
CREATE INDEX deliveries_by_state ON deliveries (webhook_id, state, created_at, id)
    WHERE NOT deleted;
CREATE INDEX deliveries_due ON deliveries (due, id) WHERE NOT deleted AND state = 'pending';

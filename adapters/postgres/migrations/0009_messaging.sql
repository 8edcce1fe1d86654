CREATE TABLE servers (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    u_invite_code text
);
CREATE UNIQUE INDEX servers_u_invite_code ON servers (u_invite_code);

CREATE TABLE channels (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    server_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'server_id') STORED
);
CREATE INDEX channels_by_server ON channels (server_id, created_at, id) WHERE NOT deleted;

CREATE TABLE members (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    server_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'server_id') STORED,
    user_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'user_id') STORED,
    state text NOT NULL GENERATED ALWAYS AS (content ->> 'state') STORED
);
CREATE INDEX members_by_server ON members (server_id, created_at, id)
    WHERE NOT deleted AND state = 'active';
CREATE INDEX members_by_user ON members (user_id, created_at, id)
    WHERE NOT deleted AND state = 'active';

CREATE TABLE conversations (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    one_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content -> 'user_ids' ->> 0) STORED,
    other_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content -> 'user_ids' ->> 1) STORED
);
CREATE INDEX conversations_by_one ON conversations (one_id, created_at, id) WHERE NOT deleted;
CREATE INDEX conversations_by_other ON conversations (other_id, created_at, id) WHERE NOT deleted;

CREATE TABLE direct_messages (
    LIKE envelope INCLUDING ALL,
    room_id text COLLATE "C" NOT NULL,
    author_id text COLLATE "C" NOT NULL,
    content text NOT NULL,
    file_url text,
    order_id text,
    edits integer NOT NULL,
    edited_at timestamptz(3),
    removed_at timestamptz(3),
    removed_by text
);
CREATE INDEX direct_messages_by_room ON direct_messages (room_id, created_at, id)
    WHERE NOT deleted;
CREATE INDEX direct_messages_changed ON direct_messages (room_id, updated_at, id)
    WHERE NOT deleted;
CREATE INDEX direct_messages_by_author ON direct_messages (author_id, created_at, id)
    WHERE NOT deleted;

CREATE TABLE channel_messages (
    LIKE direct_messages INCLUDING ALL
);

CREATE TABLE reads (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    room_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'room_id') STORED
);
CREATE INDEX reads_by_room ON reads (room_id, created_at, id) WHERE NOT deleted;

CREATE TABLE used_keys (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL
);

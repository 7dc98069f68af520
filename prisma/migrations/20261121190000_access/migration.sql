-- Who may come in: users, their sessions, tokens of scripts; and what everybody did.

CREATE TABLE "access_user" (
    "name" TEXT NOT NULL,
    "display_name" TEXT,
    "source" TEXT NOT NULL,
    "subject" TEXT,
    "password_hash" TEXT,
    "setup_hash" BYTEA,
    "setup_ends_at" TIMESTAMPTZ(3),
    "grants" JSONB NOT NULL,
    "is_disabled" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_by" TEXT NOT NULL,
    "last_login_at" TIMESTAMPTZ(3),

    CONSTRAINT "access_user_pkey" PRIMARY KEY ("name")
);

CREATE UNIQUE INDEX "access_user_subject_key" ON "access_user"("subject");
CREATE UNIQUE INDEX "access_user_setup_hash_key" ON "access_user"("setup_hash");

CREATE TABLE "access_session" (
    "id" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "user_name" TEXT NOT NULL,
    "owner" TEXT,
    "grants" JSONB,
    "method" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "agent" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "access_session_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "access_session_owner_fkey" FOREIGN KEY ("owner") REFERENCES "access_user"("name") ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE INDEX "access_session_owner_idx" ON "access_session"("owner");

CREATE TABLE "api_token" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "user_name" TEXT NOT NULL,
    "owner" TEXT,
    "grants" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_token_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "api_token_owner_fkey" FOREIGN KEY ("owner") REFERENCES "access_user"("name") ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE INDEX "api_token_owner_idx" ON "api_token"("owner");

-- Whoever keeps a copy of the above in memory asks for this number and reads again when it has moved.
CREATE TABLE "access_version" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "version" BIGINT NOT NULL,

    CONSTRAINT "access_version_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "access_version_is_one_row" CHECK ("id" = 1)
);
INSERT INTO "access_version" ("version") VALUES (1);

CREATE FUNCTION move_access_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE access_version SET version = version + 1;
    RETURN NULL;
END $$;

-- Not on last_seen_at, last_used_at and last_login_at: they change what is shown, not who may come in.
CREATE TRIGGER access_user_moves_version
    AFTER INSERT OR DELETE OR UPDATE OF "name", "grants", "is_disabled" ON "access_user"
    FOR EACH STATEMENT EXECUTE FUNCTION move_access_version();
CREATE TRIGGER access_session_moves_version
    AFTER INSERT OR DELETE OR UPDATE OF "secret_hash", "grants", "expires_at" ON "access_session"
    FOR EACH STATEMENT EXECUTE FUNCTION move_access_version();
CREATE TRIGGER api_token_moves_version
    AFTER INSERT OR DELETE OR UPDATE OF "secret_hash", "grants", "expires_at" ON "api_token"
    FOR EACH STATEMENT EXECUTE FUNCTION move_access_version();

CREATE TABLE "audit_entry" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "actor" TEXT NOT NULL,
    "via" TEXT NOT NULL,
    "act" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "result" TEXT NOT NULL,
    "status" INTEGER NOT NULL,
    "reason" TEXT,
    "address" TEXT NOT NULL,
    "agent" TEXT NOT NULL,
    "revision" INTEGER,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "audit_entry_at_idx" ON "audit_entry"("at");
CREATE INDEX "audit_entry_actor_id_idx" ON "audit_entry"("actor", "id" DESC);

-- What happened stays as it was written: no update, and nothing of the last day goes.
CREATE FUNCTION keep_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < now() - interval '1 day' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit entries are not changed, and not deleted within a day';
END $$;
CREATE TRIGGER audit_entry_stays
    BEFORE UPDATE OR DELETE ON "audit_entry"
    FOR EACH ROW EXECUTE FUNCTION keep_audit_entry();
CREATE TRIGGER audit_entry_stays_whole
    BEFORE TRUNCATE ON "audit_entry"
    FOR EACH STATEMENT EXECUTE FUNCTION keep_audit_entry();

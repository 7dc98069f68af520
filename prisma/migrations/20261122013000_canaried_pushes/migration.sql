CREATE TABLE "config_push" (
    "id" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "revisions" INTEGER[] NOT NULL,
    "held" JSONB NOT NULL,
    "why" TEXT NOT NULL,
    "proxies_concerned" INTEGER NOT NULL,
    "window_ms" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "started_by" TEXT NOT NULL,
    "words" TEXT NOT NULL DEFAULT '',
    "outcome" JSONB,
    "ended_at" TIMESTAMPTZ(3),
    "ended_by" TEXT,
    "end_revision" INTEGER,
    CONSTRAINT "config_push_pkey" PRIMARY KEY ("id")
);
-- at most one runs
CREATE UNIQUE INDEX "config_push_running" ON "config_push" ("status") WHERE "status" = 'running';
CREATE INDEX "config_push_started_at_idx" ON "config_push" ("started_at" DESC);

CREATE TABLE "config_push_report" (
    "push_id" TEXT NOT NULL,
    "replica_id" TEXT NOT NULL,
    "report" JSONB NOT NULL,
    "reported_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "config_push_report_pkey" PRIMARY KEY ("push_id", "replica_id"),
    CONSTRAINT "config_push_report_push_id_fkey" FOREIGN KEY ("push_id")
        REFERENCES "config_push" ("id") ON DELETE CASCADE
);

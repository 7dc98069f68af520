-- CreateTable
CREATE TABLE "mtls_guard" (
    "id" TEXT NOT NULL,
    "scope" JSONB NOT NULL,
    "policy_namespace" TEXT NOT NULL,
    "policy_name" TEXT NOT NULL,
    "previous_mode" TEXT NOT NULL,
    "previous_yaml" TEXT,
    "revision_id" INTEGER NOT NULL,
    "started_by" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "window_ms" INTEGER NOT NULL,
    "max_refusals" INTEGER NOT NULL,
    "workloads" TEXT[],
    "strict_before" TEXT[],
    "baseline" JSONB NOT NULL,
    "excluded" TEXT[],
    "status" TEXT NOT NULL,
    "refused" INTEGER NOT NULL DEFAULT 0,
    "callers" JSONB NOT NULL DEFAULT '[]',
    "words" TEXT NOT NULL DEFAULT '',
    "ended_at" TIMESTAMPTZ(3),
    "end_revision" INTEGER,
    "runner" TEXT NOT NULL,
    "lease_ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "mtls_guard_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "mtls_guard_status_started_at_idx" ON "mtls_guard"("status", "started_at" DESC);

-- AddForeignKey
ALTER TABLE "mtls_guard" ADD CONSTRAINT "mtls_guard_revision_id_fkey" FOREIGN KEY ("revision_id") REFERENCES "revision"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What a dry run of STRICT has counted; constant defaults rewrite no row.
ALTER TABLE telemetry.edge_10s ADD COLUMN would_be_refused bigint NOT NULL DEFAULT 0;
ALTER TABLE telemetry.edge_1m ADD COLUMN would_be_refused bigint NOT NULL DEFAULT 0;
ALTER TABLE telemetry.edge_1h ADD COLUMN would_be_refused bigint NOT NULL DEFAULT 0;

-- When a collector run last wrote: "nobody sends plaintext" is worth something only while somebody counts.
ALTER TABLE telemetry.collector ADD COLUMN alive_at timestamptz;

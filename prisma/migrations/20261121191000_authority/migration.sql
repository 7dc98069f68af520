-- Roots and intermediates in one table: until now the only row was a root that signed every leaf itself.
ALTER TABLE "certificate_authority"
  ALTER COLUMN "encrypted_key" DROP NOT NULL,
  ADD COLUMN "parent_id" INTEGER,
  ADD COLUMN "is_from_files" BOOLEAN NOT NULL DEFAULT false,
  ADD COLUMN "is_trusted" BOOLEAN NOT NULL DEFAULT true,
  ADD COLUMN "is_signing" BOOLEAN NOT NULL DEFAULT false,
  ADD COLUMN "retired_at" TIMESTAMPTZ(3);
ALTER TABLE "certificate_authority" ADD CONSTRAINT "certificate_authority_parent_id_fkey"
  FOREIGN KEY ("parent_id") REFERENCES "certificate_authority"("id") ON DELETE CASCADE ON UPDATE CASCADE;
-- The first row was written with a number of its own.
SELECT setval(pg_get_serial_sequence('certificate_authority', 'id'),
  GREATEST((SELECT coalesce(max("id"), 1) FROM "certificate_authority"), 1));
-- One authority signs at a time, whoever writes.
CREATE UNIQUE INDEX "certificate_authority_one_signing" ON "certificate_authority" ((1)) WHERE "is_signing";

CREATE TABLE "authority_rotation" (
    "id" SERIAL NOT NULL,
    "of" TEXT NOT NULL,
    "step" TEXT NOT NULL,
    "is_stepwise" BOOLEAN NOT NULL,
    "is_paused" BOOLEAN NOT NULL DEFAULT false,
    "from_authority_id" INTEGER NOT NULL,
    "to_authority_id" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "started_by" TEXT NOT NULL,
    "reason" TEXT,
    "step_since" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),
    CONSTRAINT "authority_rotation_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "authority_rotation_from_authority_id_fkey" FOREIGN KEY ("from_authority_id")
      REFERENCES "certificate_authority"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "authority_rotation_to_authority_id_fkey" FOREIGN KEY ("to_authority_id")
      REFERENCES "certificate_authority"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
-- One rotation at a time.
CREATE UNIQUE INDEX "authority_rotation_one_open" ON "authority_rotation" ((1)) WHERE "finished_at" IS NULL;

CREATE TABLE "issued_certificate" (
    "serial_number" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "proxy_id" TEXT NOT NULL,
    "namespace" TEXT,
    "workload" TEXT,
    "identity" TEXT NOT NULL,
    "issuer_id" INTEGER NOT NULL,
    "not_before" TIMESTAMPTZ(3) NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "is_held" BOOLEAN NOT NULL DEFAULT false,
    "revoked_at" TIMESTAMPTZ(3),
    "revoked_by" TEXT,
    "revoked_reason" TEXT,
    CONSTRAINT "issued_certificate_pkey" PRIMARY KEY ("serial_number")
);
CREATE INDEX "issued_certificate_proxy_id_idx" ON "issued_certificate"("proxy_id");
CREATE INDEX "issued_certificate_not_after_idx" ON "issued_certificate"("not_after");

ALTER TABLE "proxy"
  ADD COLUMN "join_token_id" TEXT,
  ADD COLUMN "own_key_hash" TEXT,
  ADD COLUMN "trusted_roots" TEXT[] NOT NULL DEFAULT '{}',
  ADD COLUMN "left_at" TIMESTAMPTZ(3),
  ADD COLUMN "revoked_at" TIMESTAMPTZ(3);
CREATE INDEX "proxy_join_token_id_idx" ON "proxy"("join_token_id");

ALTER TABLE "join_token"
  ADD COLUMN "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  ADD COLUMN "max_uses" INTEGER NOT NULL DEFAULT 1,
  ADD COLUMN "root_hash" TEXT,
  ADD COLUMN "revoked_at" TIMESTAMPTZ(3),
  ADD COLUMN "revoked_by" TEXT;
UPDATE "join_token" SET "max_uses" = GREATEST("uses_left", 1);
-- Asked for every second by each control plane.
CREATE INDEX "issued_certificate_revoked_idx" ON "issued_certificate"("not_after") WHERE "revoked_at" IS NOT NULL;

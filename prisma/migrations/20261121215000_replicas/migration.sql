-- CreateTable
CREATE TABLE "control_plane_replica" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "control_address" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,
    "proxies_connected" INTEGER NOT NULL DEFAULT 0,
    "revision" INTEGER NOT NULL DEFAULT 0,
    "duties" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],

    CONSTRAINT "control_plane_replica_pkey" PRIMARY KEY ("id")
);

-- AlterTable: which control plane has, or last had, the proxy's stream, since when, and what it says of it
ALTER TABLE "proxy"
    ADD COLUMN "replica_id" TEXT,
    ADD COLUMN "claimed_at" TIMESTAMPTZ(3),
    ADD COLUMN "is_connected" BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN "report" JSONB;

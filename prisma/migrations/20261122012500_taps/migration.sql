-- Taps under way: written by control planes, read by each of them every second and by the collector that streams one.
CREATE TABLE "tap" (
  "id" TEXT NOT NULL,
  "request" JSONB NOT NULL,
  "asked_by" TEXT NOT NULL,
  "began_at" TIMESTAMPTZ(3) NOT NULL,
  "ends_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "tap_pkey" PRIMARY KEY ("id")
);

-- Whether anybody reads a tap: written by the collector that has the reader. Nothing is lost with it.
CREATE UNLOGGED TABLE telemetry.tap_reading (
  tap_id text PRIMARY KEY,
  seen_at timestamptz NOT NULL,
  left_at timestamptz
);

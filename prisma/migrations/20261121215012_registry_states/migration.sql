-- An instance may be without a proxy: registered by the API, or found by DNS.
ALTER TABLE "workload_instance" ALTER COLUMN "proxy_id" DROP NOT NULL,
ADD COLUMN     "source" TEXT,
ADD COLUMN     "weight" INTEGER,
ADD COLUMN     "health" JSONB,
ADD COLUMN     "draining_since" TIMESTAMPTZ(3),
ADD COLUMN     "hold" JSONB;

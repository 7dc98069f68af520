-- Who has left within the last minutes, and why: as it was found by the control plane that kept the lease.
CREATE TABLE "gone_instance" (
    "instance_id" TEXT NOT NULL,
    "instance" JSONB NOT NULL,
    "proxy_name" TEXT,
    "cause" TEXT NOT NULL,
    "gone_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "gone_instance_pkey" PRIMARY KEY ("instance_id")
);

CREATE INDEX "gone_instance_gone_at_idx" ON "gone_instance"("gone_at");

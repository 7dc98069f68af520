-- Which services the proxies of each control plane send requests to, so that any of them knows what is in use.
ALTER TABLE "control_plane_replica" ADD COLUMN "uses_version" INTEGER NOT NULL DEFAULT 0;

CREATE TABLE "service_use" (
    "replica_id" TEXT NOT NULL,
    "services" TEXT[] NOT NULL,

    CONSTRAINT "service_use_pkey" PRIMARY KEY ("replica_id"),
    CONSTRAINT "service_use_replica_id_fkey" FOREIGN KEY ("replica_id")
        REFERENCES "control_plane_replica"("id") ON DELETE CASCADE ON UPDATE CASCADE
);

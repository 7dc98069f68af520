-- AlterTable: who keeps its lease, and what its proxy runs as others have to know it
ALTER TABLE "workload_instance"
    ADD COLUMN "replica_id" TEXT,
    ADD COLUMN "plaintext_ports" INTEGER[];

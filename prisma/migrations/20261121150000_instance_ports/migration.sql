-- AlterTable
ALTER TABLE "workload_instance" ADD COLUMN     "is_draining" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "locality" TEXT,
ADD COLUMN     "more_ports" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "serves_since" TIMESTAMPTZ(3);

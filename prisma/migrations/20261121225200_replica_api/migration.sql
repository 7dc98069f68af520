-- AlterTable: where other control planes ask it about the proxies whose streams it has
ALTER TABLE "control_plane_replica" ADD COLUMN "api_url" TEXT NOT NULL DEFAULT '';

-- The newest revision at or before a moment, and those of the last hour that wait to be judged.
CREATE INDEX "revision_created_at_idx" ON "revision"("created_at");

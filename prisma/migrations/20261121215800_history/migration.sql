-- What followed a revision and what people put on it: kept apart from the revision, which never changes.
CREATE TABLE "revision_effect" (
  "revision_id" INTEGER NOT NULL,
  "verdict" TEXT NOT NULL,
  "is_final" BOOLEAN NOT NULL,
  "judged_at" TIMESTAMPTZ(3) NOT NULL,
  "summary" JSONB NOT NULL,
  "detail" JSONB NOT NULL,
  CONSTRAINT "revision_effect_pkey" PRIMARY KEY ("revision_id"),
  CONSTRAINT "revision_effect_revision_id_fkey" FOREIGN KEY ("revision_id") REFERENCES "revision"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX "revision_effect_verdict_revision_id_idx" ON "revision_effect"("verdict", "revision_id" DESC);

CREATE TABLE "revision_marks" (
  "revision_id" INTEGER NOT NULL,
  "name" TEXT,
  "is_pinned" BOOLEAN NOT NULL,
  "author" TEXT NOT NULL,
  "changed_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "revision_marks_pkey" PRIMARY KEY ("revision_id"),
  CONSTRAINT "revision_marks_revision_id_fkey" FOREIGN KEY ("revision_id") REFERENCES "revision"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "revision_marks_name_key" ON "revision_marks"("name");

CREATE TABLE "revision_comment" (
  "id" TEXT NOT NULL,
  "revision_id" INTEGER NOT NULL,
  "author" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "text" TEXT NOT NULL,
  CONSTRAINT "revision_comment_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "revision_comment_revision_id_fkey" FOREIGN KEY ("revision_id") REFERENCES "revision"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX "revision_comment_revision_id_created_at_idx" ON "revision_comment"("revision_id", "created_at");

CREATE TABLE "drift_report" (
  "id" INTEGER NOT NULL,
  "reported_at" TIMESTAMPTZ(3) NOT NULL,
  "reported_by" TEXT NOT NULL,
  "revision" INTEGER NOT NULL,
  "report" JSONB NOT NULL,
  CONSTRAINT "drift_report_pkey" PRIMARY KEY ("id")
);

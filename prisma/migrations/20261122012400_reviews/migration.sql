-- CreateTable
CREATE TABLE "review" (
    "id" TEXT NOT NULL,
    "author" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "note" TEXT NOT NULL,
    "yaml" TEXT NOT NULL,
    "documents" JSONB NOT NULL,
    "state" TEXT NOT NULL,
    "ended_by" TEXT,
    "ended_at" TIMESTAMPTZ(3),
    "revision" INTEGER,

    CONSTRAINT "review_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "review_act" (
    "id" TEXT NOT NULL,
    "review_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "author" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "text" TEXT NOT NULL,

    CONSTRAINT "review_act_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "review_state_created_at_idx" ON "review"("state", "created_at");

-- CreateIndex
CREATE INDEX "review_act_review_id_at_idx" ON "review_act"("review_id", "at");

-- AddForeignKey
ALTER TABLE "review_act" ADD CONSTRAINT "review_act_review_id_fkey" FOREIGN KEY ("review_id") REFERENCES "review"("id") ON DELETE CASCADE ON UPDATE CASCADE;

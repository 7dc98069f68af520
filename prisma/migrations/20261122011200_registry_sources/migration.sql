-- What the registry's sources (a watched directory, the DNS) said last and is in force.
CREATE TABLE "registry_source" (
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,
    "content" JSONB NOT NULL,

    CONSTRAINT "registry_source_pkey" PRIMARY KEY ("name")
);

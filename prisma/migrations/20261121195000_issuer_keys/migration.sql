-- CreateTable
CREATE TABLE "issuer_keys" (
    "source" TEXT NOT NULL,
    "jwks" TEXT NOT NULL,
    "fetched_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "issuer_keys_pkey" PRIMARY KEY ("source")
);

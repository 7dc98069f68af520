-- CreateTable
CREATE TABLE "revision" (
    "id" SERIAL NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "author" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "reason" TEXT,
    "summary" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "restored_revision" INTEGER,
    "services" TEXT[],
    "propagation" JSONB,

    CONSTRAINT "revision_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "revision_change" (
    "revision_id" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "before" TEXT,
    "after" TEXT,

    CONSTRAINT "revision_change_pkey" PRIMARY KEY ("revision_id","kind","namespace","name")
);

-- CreateTable
CREATE TABLE "resource" (
    "kind" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "yaml" TEXT NOT NULL,
    "revision_id" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "resource_pkey" PRIMARY KEY ("kind","namespace","name")
);

-- CreateTable
CREATE TABLE "proxy" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "workload" TEXT,
    "joined_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "proxy_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workload_instance" (
    "instance_id" TEXT NOT NULL,
    "proxy_id" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "workload" TEXT NOT NULL,
    "service" TEXT NOT NULL,
    "version" TEXT,
    "labels" JSONB NOT NULL,
    "address" TEXT NOT NULL,
    "inbound_port" INTEGER NOT NULL,
    "app_port" INTEGER,
    "protocol" TEXT NOT NULL,
    "lease_ends_at" TIMESTAMPTZ(3) NOT NULL,
    "certificate_not_after" TIMESTAMPTZ(3),

    CONSTRAINT "workload_instance_pkey" PRIMARY KEY ("instance_id")
);

-- CreateTable
CREATE TABLE "join_token" (
    "id" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "namespace" TEXT NOT NULL,
    "workload" TEXT,
    "uses_left" INTEGER NOT NULL,
    "created_by" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "join_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "certificate_authority" (
    "id" SERIAL NOT NULL,
    "certificate_pem" TEXT NOT NULL,
    "encrypted_key" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "certificate_authority_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "used_login_token" (
    "id" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "used_login_token_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "revision_services_idx" ON "revision" USING GIN ("services");

-- CreateIndex
CREATE INDEX "revision_change_kind_namespace_name_revision_id_idx" ON "revision_change"("kind", "namespace", "name", "revision_id" DESC);

-- CreateIndex
CREATE INDEX "workload_instance_namespace_service_idx" ON "workload_instance"("namespace", "service");

-- AddForeignKey
ALTER TABLE "revision_change" ADD CONSTRAINT "revision_change_revision_id_fkey" FOREIGN KEY ("revision_id") REFERENCES "revision"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workload_instance" ADD CONSTRAINT "workload_instance_proxy_id_fkey" FOREIGN KEY ("proxy_id") REFERENCES "proxy"("id") ON DELETE CASCADE ON UPDATE CASCADE;

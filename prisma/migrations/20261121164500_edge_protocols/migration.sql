-- What an edge carries besides HTTP: gRPC calls among its requests, opaque connections; how its requests failed
-- (JSON of the collector's, '': none failed), and what rules did to them. Constant defaults rewrite no row.
ALTER TABLE telemetry.edge_10s
  ADD COLUMN grpc_requests      bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_opened         bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_failed         bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_sent_bytes     bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_received_bytes bigint NOT NULL DEFAULT 0,
  ADD COLUMN retries            bigint NOT NULL DEFAULT 0,
  ADD COLUMN mirrored           bigint NOT NULL DEFAULT 0,
  ADD COLUMN faults_injected    bigint NOT NULL DEFAULT 0,
  ADD COLUMN failures           text   NOT NULL DEFAULT '';
ALTER TABLE telemetry.edge_1m
  ADD COLUMN grpc_requests      bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_opened         bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_failed         bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_sent_bytes     bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_received_bytes bigint NOT NULL DEFAULT 0,
  ADD COLUMN retries            bigint NOT NULL DEFAULT 0,
  ADD COLUMN mirrored           bigint NOT NULL DEFAULT 0,
  ADD COLUMN faults_injected    bigint NOT NULL DEFAULT 0,
  ADD COLUMN failures           text   NOT NULL DEFAULT '';
ALTER TABLE telemetry.edge_1h
  ADD COLUMN grpc_requests      bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_opened         bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_failed         bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_sent_bytes     bigint NOT NULL DEFAULT 0,
  ADD COLUMN tcp_received_bytes bigint NOT NULL DEFAULT 0,
  ADD COLUMN retries            bigint NOT NULL DEFAULT 0,
  ADD COLUMN mirrored           bigint NOT NULL DEFAULT 0,
  ADD COLUMN faults_injected    bigint NOT NULL DEFAULT 0,
  ADD COLUMN failures           text   NOT NULL DEFAULT '';

-- What the collector writes: who called whom, golden signals in three tiers, spans. Prisma does not manage
-- this schema. Partitions are made ahead and dropped after their retention by the collector.
CREATE SCHEMA telemetry;

-- One row a collector run. Its id is part of the key of what it counts, so that a run only ever replaces its
-- own rows: a repeated flush cannot count twice, and a new run cannot overwrite what an old one has counted.
CREATE TABLE telemetry.collector (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE telemetry.node (
  id        text PRIMARY KEY, -- workload/shop/reviews-v1, outside/127.0.4.17, …
  kind      text NOT NULL,
  namespace text NOT NULL,
  service   text,
  workload  text,
  version   text,
  address   text
);

CREATE TABLE telemetry.edge (
  id               integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id        text NOT NULL REFERENCES telemetry.node,
  destination_id   text NOT NULL REFERENCES telemetry.node,
  -- Whether the source's proxy reports on it; if so its counts are the ones kept.
  source_reported  boolean NOT NULL,
  source_principal text,
  last_request_at  timestamptz NOT NULL,
  UNIQUE (source_id, destination_id)
);

-- The end of the last window folded in, per proxy: a push repeated after a restart is recognised.
CREATE TABLE telemetry.metric_window (
  instance_id        text PRIMARY KEY,
  last_end_unix_nano bigint NOT NULL,
  updated_at         timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE telemetry.edge_10s (
  started_at            timestamptz NOT NULL,
  edge_id               integer NOT NULL,
  collector_id          integer NOT NULL,
  requests              bigint NOT NULL,
  failed_app            bigint NOT NULL,
  failed_outbound_proxy bigint NOT NULL,
  failed_inbound_proxy  bigint NOT NULL,
  failed_network        bigint NOT NULL,
  request_bytes         bigint NOT NULL,
  response_bytes        bigint NOT NULL,
  latency_sum_us        bigint NOT NULL,
  mtls_requests         bigint NOT NULL,
  plaintext_requests    bigint NOT NULL,
  refused               bigint NOT NULL,
  latency               bytea NOT NULL, -- exponential histogram, scale 4, sparse varints
  PRIMARY KEY (edge_id, started_at, collector_id)
) PARTITION BY RANGE (started_at);
-- "everything since …", when a collector starts; BRIN costs next to nothing on rows that come in order
CREATE INDEX edge_10s_started_at ON telemetry.edge_10s USING brin (started_at);

-- The coarser tiers hold all collectors together (collector_id 0).
CREATE TABLE telemetry.edge_1m (LIKE telemetry.edge_10s, PRIMARY KEY (edge_id, started_at, collector_id))
  PARTITION BY RANGE (started_at);
CREATE INDEX edge_1m_started_at ON telemetry.edge_1m USING brin (started_at);
CREATE TABLE telemetry.edge_1h (LIKE telemetry.edge_10s, PRIMARY KEY (edge_id, started_at, collector_id))
  PARTITION BY RANGE (started_at);
CREATE INDEX edge_1h_started_at ON telemetry.edge_1h USING brin (started_at);

-- How far each coarser tier has been summed up.
CREATE TABLE telemetry.rollup (
  tier         text PRIMARY KEY,
  rolled_until timestamptz NOT NULL
);

-- COPY has no ON CONFLICT, so there is no unique key: a span that came twice is told apart when read.
CREATE TABLE telemetry.span (
  start_time  timestamptz NOT NULL,
  duration_us bigint NOT NULL,
  trace_id    uuid NOT NULL,
  span_id     bigint NOT NULL,
  parent_id   bigint NOT NULL, -- 0: a root
  edge_id     integer NOT NULL, -- 0: on no edge
  kind        smallint NOT NULL, -- as OTLP numbers them
  status      smallint NOT NULL,
  http_status smallint NOT NULL, -- 0: none
  service     text NOT NULL,
  operation   text NOT NULL,
  attributes  jsonb NOT NULL
) PARTITION BY RANGE (start_time);
CREATE INDEX span_trace_id ON telemetry.span (trace_id);
CREATE INDEX span_edge ON telemetry.span (edge_id, start_time DESC) WHERE edge_id > 0;

-- "who was denied", newest first: few of many spans
CREATE INDEX span_denied ON telemetry.span (start_time DESC) WHERE attributes ? 'heddle.authorization';

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeLogs } from "@heddle/contracts";
import { UNKNOWN_PEER } from "../core/traffic-recorder.ts";
import { encodeTapped } from "./encode-tapped.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import type { Tapped } from "./taps.ts";

const WORKLOAD = {
  ...{ id: { namespace: "shop", name: "ledger-v1" }, service: "ledger", version: "v1" },
};
const PAIR = {
  ...({ reporter: "destination", source: UNKNOWN_PEER, security: "none" } as const),
  destination: { ...UNKNOWN_PEER, workload: "ledger-v1", namespace: "shop", service: "ledger" },
  destinationService: "ledger.shop.svc.cluster.local",
  destinationServiceName: "ledger",
  destinationServiceNamespace: "shop",
  sourceAddress: "10.0.0.9",
};

test("an OTLP receiver reads what was tapped: the workload, both ends, what happened, and what is not shown", () => {
  const closed: Tapped = {
    ...{ tapIds: ["a", "b"], workload: WORKLOAD, atEpochMs: 1_700_000_000_000.25 },
    connection: {
      ...{ kind: "closed", pair: PAIR, flags: "-", failedBy: "", durationMs: 1_500 },
      ...{ upBytes: 5, downBytes: 7, authority: undefined, endpoint: "127.0.0.1:5432" },
    },
  };
  const batch = { tapped: [closed], notShown: new Map([["a", 37]]) };
  const body = encodeTapped(new ProtobufWriter(), batch, "proxy-1");
  const [tapped, missed] = decodeLogs(body);
  assert.equal(tapped?.resource["heddle.workload"], "shop/ledger-v1");
  const [record] = tapped?.records ?? [];
  assert.equal(record?.eventName, "heddle.tap.connection.closed");
  assert.equal(record.timeUnixNano, 1_700_000_000_000_250_000n);
  const told = {
    "heddle.tap.ids": "a,b",
    destination_workload: "ledger-v1",
    connection_security_policy: "none",
    heddle_source_address: "10.0.0.9",
    "heddle.endpoint": "127.0.0.1:5432",
    "heddle.duration_us": 1_500_000,
    request_size: 5,
    response_size: 7,
  };
  assert.deepEqual({ ...record.attributes, ...told }, record.attributes);
  const [count] = missed?.records ?? [];
  assert.equal(missed?.resource["service.instance.id"], "proxy-1");
  assert.deepEqual(count?.attributes, { "heddle.tap.ids": "a", "heddle.tap.not_shown": 37 });
});

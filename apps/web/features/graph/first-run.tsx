"use client";
import { useQuery } from "@tanstack/react-query";
import { Check, Copy, Info } from "lucide-react";
import { type ReactNode, useState } from "react";
import { UNIT_SPACE } from "../../lib/numbers.ts";
import { formatRoughDuration } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { classNames } from "../../ui/class-names.ts";
import { useNowMs } from "../../ui/clock.ts";
import { COPY_WORDS, CodeLine, useCopy } from "../../ui/code-line.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import styles from "./first-run.module.css";
import { statusQuery } from "./graph-queries.ts";

/** An empty mesh: the one command that brings a service in, and steps that tick by themselves. */
export function FirstRun({ isCollectorUp }: { readonly isCollectorUp: boolean }) {
  return (
    <div className={styles.page}>
      <Ghosts />
      <section className={styles.card} aria-labelledby="first-run-title">
        <div className={styles.top}>
          <h2 id="first-run-title" className={styles.title}>
            Bring in your first service
          </h2>
          <p className={styles.lead}>
            Put this before the command that starts it. Its proxy is ready first, then your process
            starts with its traffic in the mesh. Nothing in your code changes.
          </p>
          <Commands />
        </div>
        <Steps isCollectorUp={isCollectorUp} />
      </section>
      <div className={styles.demo}>
        <p>Or look around first: stop this mesh and start it with the demo shop.</p>
        <CodeLine command="npx heddle up" />
      </div>
    </div>
  );
}

type Place = "process" | "host" | "compose";

function Commands() {
  const [place, setPlace] = useState<Place>("process");
  const [copied, copy] = useCopy();
  const { data: status } = useQuery(statusQuery(true));
  const controlAddress = status?.controlAddress ?? "HOST:15012";
  const commands: Readonly<Record<Place, string>> = {
    process: "npx heddle run --service catalog --port 8080 \\\n  -- node server.js",
    compose: "docker compose up --build --wait\ndocker compose run --rm login",
    host: [
      "# here",
      "npx heddle token create --workload catalog",
      "# there, with that token and a proxy.yaml",
      `export HEDDLE_CONTROL_PLANE=${controlAddress}`,
      "export HEDDLE_JOIN_TOKEN=… HEDDLE_DATA_DIR=.heddle-proxy",
      "npx heddle proxy --config proxy.yaml",
    ].join("\n"),
  };
  const notes: Readonly<Record<Place, string>> = {
    process: "No root, no Kubernetes. Ctrl-C ends both.",
    compose:
      "The demo shop as containers; write its .env first, as the head of docker-compose.yml says.",
    host: controlAddress.startsWith("127.")
      ? "This mesh listens on loopback only: the other host needs a tunnel to it, and to 4318."
      : "docs/architecture.md shows a proxy.yaml. The collector listens on 4318.",
  };
  return (
    <>
      <div className={styles.code}>
        <div className={styles.bar}>
          <Segmented
            label="Where your service runs"
            choices={[
              { value: "process", label: "Process" },
              { value: "compose", label: "Compose" },
              { value: "host", label: "Another host" },
            ]}
            value={place}
            onChange={setPlace}
          />
          <Button
            kind="primary"
            size="toolbar"
            icon={copied === "copied" ? <Check size={14} /> : <Copy size={14} />}
            onClick={() => copy(commands[place])}
          >
            {copied === undefined ? "Copy" : COPY_WORDS[copied]}
          </Button>
        </div>
        <pre className={styles.command}>{commands[place]}</pre>
      </div>
      <p className={styles.note}>
        <Info size={13} aria-hidden="true" /> {notes[place]}
      </p>
    </>
  );
}

function Steps({ isCollectorUp }: { readonly isCollectorUp: boolean }) {
  const { data: status } = useQuery(statusQuery(true));
  const nowMs = useNowMs();
  const isReady = status !== undefined && isCollectorUp;
  const hasProxy = isReady && status.proxiesConnected > 0;
  const age =
    status === undefined || nowMs === undefined
      ? ""
      : `; certificate authority made ${formatRoughDuration(nowMs - status.caCreatedAtMs)} ago`;
  return (
    <ol className={styles.steps}>
      <Step state={isReady ? "done" : "now"} title={isReady ? "The mesh is ready" : "Starting"}>
        {isReady
          ? `Control plane and collector answer${age}.`
          : `Waiting for the ${status === undefined ? "control plane" : "collector"} to answer.`}
      </Step>
      <Step
        state={hasProxy ? "done" : isReady ? "now" : "later"}
        title={hasProxy ? "The first proxy has joined" : "Waiting for the first proxy"}
      >
        {hasProxy
          ? "Its service shows here in a moment."
          : `This page moves on by itself when one joins.${status === undefined ? "" : ` Listening on ${status.controlAddress}.`}`}
      </Step>
      <Step state={hasProxy ? "now" : "later"} title="First request">
        Send one to catalog; its thread shows here within 2{UNIT_SPACE}s.
      </Step>
    </ol>
  );
}

const STATE_WORDS = { done: "Done: ", now: "Now: ", later: "" } as const;

function Step({
  state,
  title,
  children,
}: {
  readonly state: keyof typeof STATE_WORDS;
  readonly title: string;
  readonly children: ReactNode;
}) {
  return (
    <li
      className={classNames(styles.step, styles[state])}
      aria-current={state === "now" || undefined}
    >
      <span className={styles.mark} aria-hidden="true">
        {state === "done" && <Check size={13} strokeWidth={3} />}
      </span>
      <div>
        <p className={styles.stepTitle}>
          <span className="visually-hidden">{STATE_WORDS[state]}</span>
          {title}
        </p>
        <p className={styles.stepText}>{children}</p>
      </div>
    </li>
  );
}

const GHOSTS = [
  [60, 300],
  [250, 180],
  [250, 430],
  [1050, 150],
  [1050, 330],
  [1050, 500],
  [1220, 250],
  [1220, 430],
] as const;
const GHOST_THREADS = [
  "M170 322C210 322 210 202 250 202",
  "M170 322C210 322 210 452 250 452",
  "M370 202C400 202 400 230 440 240",
  "M370 452C400 452 400 440 440 436",
  "M940 240C1000 220 1000 172 1050 172",
  "M940 345C1000 352 1000 352 1050 352",
  "M940 440C1000 480 1000 522 1050 522",
  "M1170 172C1200 172 1190 272 1220 272",
  "M1170 352C1200 352 1190 272 1220 272",
  "M1170 352C1200 352 1190 452 1220 452",
  "M1170 522C1200 522 1190 452 1220 452",
];

/** The shape of what will be here. */
function Ghosts() {
  return (
    <svg className={styles.ghosts} viewBox="0 0 1400 720" aria-hidden="true">
      {GHOST_THREADS.map((path) => (
        <path key={path} d={path} />
      ))}
      {GHOSTS.map(([x, y]) => (
        <g key={`${x},${y}`}>
          <rect x={x} y={y} width="120" height="44" rx="8" />
          <rect className={styles.bone} x={x + 12} y={y + 14} width="58" height="6" rx="3" />
          <rect className={styles.bone} x={x + 12} y={y + 26} width="36" height="6" rx="3" />
        </g>
      ))}
    </svg>
  );
}

/** Services are in, nobody has called one yet. */
export function FirstRequestHint({ service }: { readonly service: string }) {
  return (
    <aside className={styles.hint}>
      <b>First request</b>
      <p>
        Send one to {service}; its thread shows here within 2{UNIT_SPACE}s.
      </p>
    </aside>
  );
}

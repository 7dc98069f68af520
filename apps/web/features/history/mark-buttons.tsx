"use client";

import type { RevisionDetail } from "@heddle/contracts";
import { Pin, PinOff, Tag } from "lucide-react";
import { useState } from "react";
import { Button } from "../../ui/button.tsx";
import { Chip } from "../../ui/chip.tsx";
import styles from "./marks.module.css";
import { useMark } from "./use-marks.ts";

/** Pin and name of a revision, to find it again and to go back to it by name. */
export function MarkButtons({
  detail: { revision, marks },
  readOnlyReason,
}: {
  readonly detail: RevisionDetail;
  readonly readOnlyReason: string | undefined;
}) {
  const mark = useMark(revision);
  const [isNaming, setIsNaming] = useState(false);
  const isPinned = marks?.isPinned === true;
  if (isNaming) {
    return (
      <NameForm
        name={marks?.name}
        isPending={mark.isPending}
        onSave={(name) =>
          mark.mutate({ kind: "name", name }, { onSuccess: () => setIsNaming(false) })
        }
        onCancel={() => setIsNaming(false)}
      />
    );
  }
  return (
    <div className={styles.buttons}>
      {marks?.name !== undefined && <Chip tone="accent">{marks.name}</Chip>}
      <Button
        size="toolbar"
        icon={<Tag size={14} />}
        disabledReason={readOnlyReason}
        onClick={() => setIsNaming(true)}
      >
        {marks?.name === undefined ? "Name" : "Rename"}
      </Button>
      <Button
        size="toolbar"
        icon={isPinned ? <PinOff size={14} /> : <Pin size={14} />}
        disabledReason={readOnlyReason}
        isPending={mark.isPending}
        onClick={() => mark.mutate({ kind: "pin", isPinned: !isPinned })}
      >
        {isPinned ? "Unpin" : "Pin"}
      </Button>
    </div>
  );
}

const NAME = /^[A-Za-z][\w.-]{0,62}$/;

function NameForm({
  name = "",
  isPending,
  onSave,
  onCancel,
}: {
  readonly name: string | undefined;
  readonly isPending: boolean;
  readonly onSave: (name: string | null) => void;
  readonly onCancel: () => void;
}) {
  const [text, setText] = useState(name);
  const isGood = text === "" || NAME.test(text);
  const why = isGood
    ? undefined
    : "A letter first, then letters, digits, dots, hyphens or underscores";
  return (
    <form
      className={styles.buttons}
      onSubmit={(event) => {
        event.preventDefault();
        if (isGood) onSave(text === "" ? null : text);
      }}
      onKeyDown={(event) => event.key === "Escape" && onCancel()}
    >
      <input
        autoFocus
        className={styles.input}
        aria-label="Name of the revision"
        aria-invalid={!isGood}
        placeholder="before-sale"
        maxLength={63}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <Button
        type="submit"
        size="toolbar"
        kind="primary"
        disabledReason={why}
        isPending={isPending}
      >
        {text === "" && name !== "" ? "Take the name away" : "Save name"}
      </Button>
      <Button size="toolbar" onClick={onCancel}>
        Cancel
      </Button>
    </form>
  );
}

"use client";

import { defaultKeymap, history, historyKeymap, redo, undo } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState, type Range, RangeSet, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  drawSelection,
  EditorView,
  GutterMarker,
  gutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { type Ref, useEffect, useImperativeHandle, useRef } from "react";
import type { LineMark } from "./line-marks.ts";
import styles from "./yaml-pane.module.css";

/** A finding's place in the text: a range of characters, and how grave it is. */
export interface Place {
  readonly from: number;
  readonly to: number;
  readonly severity: "fault" | "warning" | "info";
}

/** What the rest of the page may do with the text. */
export interface YamlEditor {
  /** Puts another text in; only what differs is touched, so that one step of undo takes it back. */
  replace(text: string): void;
  undo(): void;
  redo(): void;
  /** Puts the cursor at an offset, and the focus into the text. */
  goTo(offset: number): void;
}

/**
 * The rule as text, with numbers, changed lines marked in the gutter and findings underlined. Tab leaves it, so that the
 * keyboard gets on.
 */
export function YamlPane({
  label,
  text,
  isReadOnly,
  marks,
  places,
  onChange,
  ref,
}: {
  readonly label: string;
  /** What it begins with; later texts go in by `replace`. */
  readonly text: string;
  readonly isReadOnly: boolean;
  readonly marks: ReadonlyMap<number, LineMark>;
  readonly places: readonly Place[];
  readonly onChange: (text: string) => void;
  readonly ref: Ref<YamlEditor>;
}) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const begin = useRef({ label, text, isReadOnly });
  const change = useRef(onChange);
  change.current = onChange;
  useEffect(() => {
    if (box.current === null) return undefined;
    const editor = new EditorView({
      parent: box.current,
      state: EditorState.create({
        doc: begin.current.text,
        extensions: [
          // The page's policy takes only styles with its nonce (content-security-policy.ts).
          EditorView.cspNonce.of(document.querySelector<HTMLElement>("script[nonce]")?.nonce ?? ""),
          EditorState.readOnly.of(begin.current.isReadOnly),
          EditorView.contentAttributes.of({
            "aria-label": begin.current.label,
            spellcheck: "false",
            ...(begin.current.isReadOnly && { "aria-readonly": "true" }),
          }),
          changeGutter,
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          yaml(),
          syntaxHighlighting(highlighting),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          shownMarks,
          shownPlaces,
          theme,
          EditorView.updateListener.of((update) => {
            if (update.docChanged) change.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, []);
  useEffect(() => {
    view.current?.dispatch({ effects: setMarks.of(marks) });
  }, [marks]);
  useEffect(() => {
    view.current?.dispatch({ effects: setPlaces.of(places) });
  }, [places]);
  useImperativeHandle(ref, () => ({
    replace: (next) => {
      const editor = view.current;
      if (editor !== undefined) replaceText(editor, next);
    },
    undo: () => {
      if (view.current !== undefined) undo(view.current);
    },
    redo: () => {
      if (view.current !== undefined) redo(view.current);
    },
    goTo: (offset) => {
      const editor = view.current;
      if (editor === undefined) return;
      const anchor = Math.min(offset, editor.state.doc.length);
      editor.dispatch({ selection: { anchor }, scrollIntoView: true });
      editor.focus();
    },
  }));
  return <div ref={box} className={styles.pane} />;
}

function replaceText(editor: EditorView, next: string): void {
  const now = editor.state.doc.toString();
  if (now === next) return;
  let from = 0;
  while (from < now.length && from < next.length && now[from] === next[from]) from += 1;
  let end = 0;
  while (
    end < now.length - from &&
    end < next.length - from &&
    now[now.length - 1 - end] === next[next.length - 1 - end]
  ) {
    end += 1;
  }
  editor.dispatch({
    changes: { from, to: now.length - end, insert: next.slice(from, next.length - end) },
    userEvent: "input.form",
  });
}

const setMarks = StateEffect.define<ReadonlyMap<number, LineMark>>();
const setPlaces = StateEffect.define<readonly Place[]>();

/** Marks are of the text as it was compared; until the next comparison they move with their lines. */
class ChangeMarker extends GutterMarker {
  readonly mark: LineMark;
  constructor(mark: LineMark) {
    super();
    this.mark = mark;
    this.elementClass = `cm-mark-${mark}`;
  }
  override toDOM(): Node {
    const sign = document.createElement("span");
    sign.textContent = { added: "+", changed: "~", removed: "−" }[this.mark];
    sign.title = { added: "New", changed: "Changed", removed: "Lines above are gone" }[this.mark];
    return sign;
  }
}
const MARKERS = {
  added: new ChangeMarker("added"),
  changed: new ChangeMarker("changed"),
  removed: new ChangeMarker("removed"),
} as const;

const shownMarks = StateField.define<RangeSet<GutterMarker>>({
  create: () => RangeSet.empty,
  update(shown, transaction) {
    let next = shown.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setMarks)) continue;
      const { doc } = transaction.state;
      const ranges = [...effect.value]
        .filter(([line]) => line <= doc.lines)
        .sort((a, b) => a[0] - b[0])
        .map(([line, mark]) => MARKERS[mark].range(doc.line(line).from));
      next = RangeSet.of(ranges);
    }
    return next;
  },
});

const changeGutter = gutter({
  class: "cm-changes",
  markers: (view) => view.state.field(shownMarks),
  initialSpacer: () => MARKERS.added,
});

const shownPlaces = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, transaction) {
    let next = shown.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setPlaces)) continue;
      const { doc } = transaction.state;
      const ranges = effect.value.flatMap(({ from, to, severity }): Range<Decoration>[] => {
        const start = Math.min(from, doc.length);
        const end = Math.min(Math.max(to, start), doc.length);
        const line = doc.lineAt(start);
        const tint = Decoration.line({ class: `cm-place cm-place-${severity}` }).range(line.from);
        if (start === end) return [tint];
        return [tint, Decoration.mark({ class: `cm-under-${severity}` }).range(start, end)];
      });
      next = Decoration.set(ranges, true);
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const highlighting = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: tags.comment, color: "var(--text-3)" },
  { tag: [tags.string, tags.content, tags.number, tags.bool], color: "var(--text)" },
  { tag: [tags.separator, tags.punctuation, tags.bracket], color: "var(--text-2)" },
]);

const theme = EditorView.theme({
  "&": {
    maxHeight: "640px",
    minHeight: "260px",
    backgroundColor: "transparent",
    color: "var(--text)",
  },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", fontSize: "12px", lineHeight: "20px" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--accent-soft)" },
  ".cm-gutters": { backgroundColor: "transparent", border: "0", color: "var(--text-3)" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 12px 0 4px", minWidth: "32px" },
  ".cm-changes": { width: "16px" },
  ".cm-changes .cm-gutterElement": { textAlign: "center", fontWeight: "600" },
  ".cm-mark-added": { boxShadow: "inset 3px 0 0 var(--ok-thread)", color: "var(--ok)" },
  ".cm-mark-changed": { boxShadow: "inset 3px 0 0 var(--accent)", color: "var(--accent)" },
  ".cm-mark-removed": { boxShadow: "inset 0 2px 0 var(--bad-thread)", color: "var(--bad)" },
  ".cm-place-warning": { backgroundColor: "var(--warn-soft)" },
  ".cm-place-fault": { backgroundColor: "var(--bad-soft)" },
  ".cm-place-info": { backgroundColor: "var(--sunken)" },
  ".cm-under-warning": { textDecoration: "underline wavy var(--warn-thread)" },
  ".cm-under-fault": { textDecoration: "underline wavy var(--bad-thread)" },
  ".cm-under-info": { textDecoration: "underline dotted var(--idle-thread)" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-soft)" },
});

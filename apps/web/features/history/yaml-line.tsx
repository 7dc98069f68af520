import styles from "./diff-card.module.css";

const KEY = /^(\s*(?:- )*)([\w./$"'-]+)(:(?:\s.*)?)$/;

/** One line of YAML with its key in the accent, so that the eye finds what a value belongs to. */
export function YamlLine({ text }: { readonly text: string }) {
  const [, indent, key, rest] = KEY.exec(text) ?? [];
  if (key === undefined) return <>{text}</>;
  return (
    <>
      {indent}
      <span className={styles.key}>{key}</span>
      {rest}
    </>
  );
}

import { RotateCw } from "lucide-react";
import { Button } from "./button.tsx";
import styles from "./error-part.module.css";
import { StatusGlyph } from "./status-glyph.tsx";

/** A part of a page that failed: what, why in plain words, and a way to try again. The rest lives on. */
export function ErrorPart({
  title,
  detail,
  onRetry,
}: {
  readonly title: string;
  readonly detail?: string | undefined;
  readonly onRetry?: () => void;
}) {
  return (
    <div className={styles.error} role="alert">
      <StatusGlyph status="failing" sizePx={14} />
      <div className={styles.words}>
        <p className={styles.title}>{title}</p>
        {detail !== undefined && <p>{detail}</p>}
      </div>
      {onRetry !== undefined && (
        <Button size="toolbar" icon={<RotateCw size={14} />} onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

"use client";
import Link from "next/link";
import type { ComponentProps, ReactNode } from "react";
import styles from "./button.module.css";
import { classNames } from "./class-names.ts";
import { Tooltip } from "./tooltip.tsx";

export type ButtonKind = "primary" | "secondary" | "danger" | "danger-soft" | "ghost";

type Look = {
  readonly kind?: ButtonKind;
  /** `toolbar` 28 px, `normal` 32 px, `large` 38 px; all 44 px where fingers point. */
  readonly size?: "toolbar" | "normal" | "large";
  readonly icon?: ReactNode;
  readonly isWide?: boolean | undefined;
};

export type ButtonProps = Look &
  Omit<ComponentProps<"button">, "disabled"> & {
    /** Why it cannot be pressed now. The button stays focusable so that the reason can be read. */
    readonly disabledReason?: string | undefined;
    /** The act is under way: the button keeps its width and takes no second press. */
    readonly isPending?: boolean;
  };

/** A button that says verb and object. A disabled one gives its reason on hover and focus. */
export function Button({
  kind = "secondary",
  size = "normal",
  icon,
  isWide,
  disabledReason,
  isPending = false,
  className,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  const isOff = disabledReason !== undefined || isPending;
  const button = (
    <button
      type="button"
      {...rest}
      aria-disabled={isOff || undefined}
      aria-busy={isPending || undefined}
      className={classNames(lookOf({ kind, size, isWide }), className)}
      onClick={(event) => {
        if (isOff) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {icon}
      {children !== undefined && <span className={styles.text}>{children}</span>}
    </button>
  );
  if (disabledReason === undefined) return button;
  return (
    <Tooltip text={disabledReason} isWide={isWide}>
      {button}
    </Tooltip>
  );
}

/** A link in a button's clothes: it goes somewhere, it does nothing else. */
export function ButtonLink({
  kind = "secondary",
  size = "normal",
  icon,
  isWide,
  className,
  children,
  ...rest
}: Look & ComponentProps<typeof Link>) {
  return (
    <Link {...rest} className={classNames(lookOf({ kind, size, isWide }), className)}>
      {icon}
      {children !== undefined && <span className={styles.text}>{children}</span>}
    </Link>
  );
}

/** A square button that is only an icon; `label` is its accessible name and its tooltip. */
export function IconButton({
  label,
  ...rest
}: Omit<ButtonProps, "children" | "aria-label"> & { readonly label: string }) {
  const button = (
    <Button
      kind="ghost"
      {...rest}
      aria-label={label}
      className={classNames(styles.square, rest.className)}
    />
  );
  return rest.disabledReason === undefined ? <Tooltip text={label}>{button}</Tooltip> : button;
}

function lookOf({
  kind,
  size,
  isWide,
}: Required<Pick<Look, "kind" | "size">> & Pick<Look, "isWide">) {
  return classNames(styles.button, styles[kind], styles[size], isWide && styles.wide);
}

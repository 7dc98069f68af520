"use client";
import { Menu } from "lucide-react";
import Link from "next/link";
import { useEffect, useId, useRef, useState } from "react";
import { classNames } from "../../ui/class-names.ts";
import styles from "./more-pages.module.css";
import { findPage, PAGES } from "./pages.ts";

const OTHERS = PAGES.filter(({ isInBar }) => isInBar !== true);

/**
 * The fifth place in the bar of narrow screens: every page the bar has no room for. Closed by Esc, a press elsewhere
 * or the way to another page (the shell keys it by the path).
 */
export function MorePages({ pathname }: { readonly pathname: string }) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  const here = findPage(pathname);
  const isHere = here !== undefined && here.isInBar !== true;
  useEffect(() => {
    if (!isOpen) return undefined;
    const onPointerDown = (event: PointerEvent) => {
      if (event.target instanceof Node && box.current?.contains(event.target) !== true) {
        setIsOpen(false);
      }
    };
    document.addEventListener("pointerdown", onPointerDown);
    return () => document.removeEventListener("pointerdown", onPointerDown);
  }, [isOpen]);
  return (
    <div
      ref={box}
      className={styles.box}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isOpen) return;
        event.stopPropagation();
        setIsOpen(false);
        opener.current?.focus();
      }}
    >
      <button
        ref={opener}
        type="button"
        className={classNames(styles.opener, (isHere || isOpen) && styles.here)}
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setIsOpen(!isOpen)}
      >
        <Menu size={18} strokeWidth={1.75} aria-hidden="true" />
        {isHere ? here.title : "More"}
        {isHere && <span className="visually-hidden">, more pages</span>}
      </button>
      {isOpen && (
        <ul id={id} className={styles.sheet} aria-label="More pages">
          {OTHERS.map((page) => (
            <li key={page.path}>
              <Link
                href={page.path}
                className={styles.place}
                aria-current={page === here ? "page" : undefined}
                onClick={() => setIsOpen(false)}
              >
                <page.icon size={18} strokeWidth={1.75} aria-hidden="true" />
                {page.title}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

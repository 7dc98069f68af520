"use client";

import styles from "./http-form.module.css";
import { RouteCard, type RouteCardProps } from "./route-card.tsx";

/** The HTTP routes of a VirtualService, in the order in which they are tried. */
export function HttpForm(props: RouteCardProps) {
  return (
    <ol className={styles.routes}>
      {props.routes.map((route) => (
        <li key={route.index}>
          <RouteCard {...props} route={route} />
        </li>
      ))}
    </ol>
  );
}

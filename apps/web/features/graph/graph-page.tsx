"use client";

export function GraphPage() {
  return <h1 className="visually-hidden">Graph</h1>;
}

import type { ApiError } from "../../lib/api-error.ts";
import { ErrorPart } from "../../ui/error-part.tsx";

/** Why nobody was let in; `way` is what was tried. */
export function LoginFailure({
  error,
  way,
}: {
  readonly error: ApiError;
  readonly way: "link" | "password" | "setup";
}) {
  if (error.status === 429) {
    return <ErrorPart title="Too many attempts" detail={`${error.message}.`} />;
  }
  if (error.status !== 401 && error.status !== 403 && error.status !== 410) {
    return <ErrorPart title={error.title} detail={error.message} />;
  }
  if (way === "password") {
    return <ErrorPart title="Name or password is wrong" detail="Check both and try again." />;
  }
  return way === "setup" ? (
    <ErrorPart
      title="This setup link is used or has expired"
      detail="A link works once, for 24 hours. Ask an admin for a new one."
    />
  ) : (
    <ErrorPart
      title="This login link is used or has expired"
      detail={`${error.message} A link works once, for 15 minutes; get a new one below.`}
    />
  );
}

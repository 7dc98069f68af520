import { API_ROOT } from "../../lib/api-client.ts";
import { apiErrorFromResponse, noAnswerError } from "../../lib/api-error.ts";

/** Logs out here or everywhere, and goes to the login page. Resolves with why it could not, if it could not. */
export async function leaveSession(everywhere: boolean): Promise<string | undefined> {
  let response: Response;
  try {
    response = await fetch(`${API_ROOT}/logout`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ everywhere }),
    });
  } catch (cause) {
    return noAnswerError(cause).message;
  }
  if (!response.ok) return (await apiErrorFromResponse(response)).message;
  window.location.assign("/login");
  return undefined;
}

const LEAST_CHARACTERS = 12;

/** What is wrong with a new password, in words; the server holds to the same. `undefined`: nothing. */
export function passwordFaultOf(password: string, again: string, name: string): string | undefined {
  if (password.length < LEAST_CHARACTERS) {
    return `The password needs at least ${LEAST_CHARACTERS} characters (has ${password.length}).`;
  }
  const stem = name.toLowerCase().split("@", 1)[0] ?? "";
  if (stem.length >= 3 && password.toLowerCase().includes(stem)) {
    return "The password must not hold your name.";
  }
  return password === again ? undefined : "The two are not the same.";
}

/** Any number; all control planes on one database take the same, so that changes form one line. */
export const CHANGE_LOCK_ID = 1_748_291_103;

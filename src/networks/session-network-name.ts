/** Name of the network that a session makes by itself when the first container asks for it. */
export const SESSION_NETWORK = 'session'

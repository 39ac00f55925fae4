// When the server stops.

/** The time for pending requests when the server stops, in milliseconds. */
const PATIENCE = 2000

/** Stops the server at SIGINT, at SIGTERM and, with `--exit-with-stdin`, at the end of standard input. */
export function stopWhenTold(server, withStdin) {
  const stop = () => {
    server.close(() => process.exit(0))
    // An idle connection of a browser does not keep the server running.
    setTimeout(() => process.exit(0), PATIENCE)
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  if (withStdin) process.stdin.once('close', stop).resume()
}

// Map.groupBy for Node 20. Vitest needs it to report the reason of a failure.

function groupBy<K, T>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return groups
}

if (!('groupBy' in Map)) Object.assign(Map, { groupBy })

import { Alert, Button, Code as Inline, Group, Skeleton, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { messageOf, Problem } from '../api/problem'
import { Icon, type IconName } from './Icon'

/** The part of a query that a view looks at. */
interface Query<T> {
  data: T | undefined
  error: unknown
  isPending: boolean
  refetch: () => unknown
}

/**
 * View shows what a query has: a skeleton while there is nothing, the error if there is nothing else to show, and otherwise the
 * data, with the error above them if they could not be renewed.
 */
export function View<T>({ query, skeleton, children }: { query: Query<T>; skeleton?: ReactNode; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) {
    return (
      <>
        {query.error ? <Failure error={query.error} retry={() => query.refetch()} what="Not up to date" /> : null}
        {children(query.data)}
      </>
    )
  }
  if (query.error) return <Failure error={query.error} retry={() => query.refetch()} />
  return (
    <div role="status">
      <span className="sr">Loading</span>
      {skeleton ?? <Rows />}
    </div>
  )
}

/** Rows are grey rows in place of a list. */
export function Rows({ count = 4, height = 40 }: { count?: number; height?: number }) {
  return (
    <Stack gap="xs">
      {Array.from({ length: count }, (_, i) => (
        <Skeleton key={i} height={height} />
      ))}
    </Stack>
  )
}

/** Failure says what went wrong, and offers to try again. */
export function Failure({ error, retry, what = 'This could not be loaded' }: { error: unknown; retry?: () => void; what?: string }) {
  const id = error instanceof Problem ? error.requestId : null
  return (
    <Alert color="red" icon={<Icon name="warn" />} title={what} role="alert" mb="md">
      <Stack gap={6} align="flex-start">
        <Text size="sm">{messageOf(error)}</Text>
        <Group gap="sm">
          {retry && (
            <Button size="compact-sm" variant="default" onClick={retry}>
              Try again
            </Button>
          )}
          {id && (
            <Text size="xs" c="dimmed">
              Request <Inline fz={11}>{id}</Inline>
            </Text>
          )}
        </Group>
      </Stack>
    </Alert>
  )
}

/** Empty says why a list is empty, and what to do. */
export function Empty({ icon, title, children, action }: { icon: IconName; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <Stack align="center" gap="xs" py={36} px="md">
      <span className="dim">
        <Icon name={icon} size={30} />
      </span>
      <Text fw={600}>{title}</Text>
      {children && (
        <Text size="sm" c="dimmed" ta="center" maw={460}>
          {children}
        </Text>
      )}
      {action}
    </Stack>
  )
}

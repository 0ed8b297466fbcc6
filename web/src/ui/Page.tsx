import { Group, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'

/** Page is the frame of a page: its title, what stands beside it, and its content. */
export function Page({ title, beside, children }: { title: string; beside?: ReactNode; children: ReactNode }) {
  useDocumentTitle(`${title} · AI Ratelimit`)
  return (
    <>
      <Group justify="space-between" align="center" mb="md" gap="sm" mih={36}>
        <Title order={1}>{title}</Title>
        {beside}
      </Group>
      {children}
    </>
  )
}

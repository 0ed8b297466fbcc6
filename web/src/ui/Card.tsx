import { Group, Paper, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** Card is a framed part of a page with a heading. */
export function Card({ title, beside, children, className }: { title: string; beside?: ReactNode; children: ReactNode; className?: string }) {
  return (
    <Paper component="section" p="md" className={className} aria-label={title}>
      <Group justify="space-between" mb="sm" gap="xs" wrap="nowrap" align="center">
        <Title order={2}>{title}</Title>
        {beside}
      </Group>
      {children}
    </Paper>
  )
}

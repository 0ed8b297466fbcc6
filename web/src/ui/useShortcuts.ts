import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { pages } from './nav'

/** useShortcuts jumps to a page of the project by g and the page's letter. */
export function useShortcuts(projectId: string | undefined) {
  const navigate = useNavigate()
  useEffect(() => {
    if (!projectId) return
    let armed = 0
    const onKeyDown = (e: KeyboardEvent) => {
      const target = e.target as HTMLElement
      if (e.ctrlKey || e.metaKey || e.altKey || target.closest('input, textarea, select, [contenteditable], [role="dialog"], [role="grid"]')) return
      if (e.key === 'g') {
        armed = Date.now()
        return
      }
      const page = Date.now() - armed < 1500 ? pages.find((p) => p.key === e.key) : undefined
      armed = 0
      if (page) void navigate({ to: page.to, params: { projectId } })
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [projectId, navigate])
}

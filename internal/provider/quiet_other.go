//go:build !unix

package provider

// quiet cannot look without waiting here: what has been closed is found when it is used.
func (c *conn) quiet() bool { return true }

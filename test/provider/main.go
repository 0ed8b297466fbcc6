// Command provider is a stand-in for OpenAI, Anthropic and Gemini, for exercises: it answers with what it was asked, after
// a while, and prints a line for each request, so that they can be counted.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
)

func main() {
	port := flag.Int("port", 4000, "where to listen, on the loopback address")
	takes := flag.Duration("takes", 200*time.Millisecond, "how long an answer takes")
	flag.Parse()
	provider := echo.New(echo.Options{Before: func(r *http.Request) {
		fmt.Println(r.Method, r.URL.Path)
		time.Sleep(*takes)
	}})
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", strconv.Itoa(*port)), provider))
}

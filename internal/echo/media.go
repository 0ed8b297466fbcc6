package echo

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"strconv"
	"strings"
	"sync"
)

// OpenAI's endpoints that are not chat-like: embeddings, moderations, images and audio.

// defaultDimensions is the length of an embedding if the request names none; maxDimensions is the longest.
const (
	defaultDimensions = 8
	maxDimensions     = 4096
)

func tooWide(dimensions *int64) bool {
	n := value(dimensions, 1)
	return n < 1 || n > maxDimensions
}

// vector returns the embedding of a text: the same for the same model, text and length.
func vector(model, text string, dimensions int64) []float32 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, model+"\x00"+text)
	random := rand.New(rand.NewPCG(h.Sum64(), 0))
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = random.Float32()*2 - 1
	}
	return v
}

func (c *call) embeddings() {
	var req struct {
		Model      string `json:"model"`
		Input      inputs `json:"input"`
		Encoding   string `json:"encoding_format"`
		Dimensions *int64 `json:"dimensions"`
	}
	if err := c.decode(&req); err != nil || req.Model == "" || len(req.Input) == 0 || tooWide(req.Dimensions) {
		c.badRequest("input", "Invalid embeddings request: model and input are required, dimensions must be in range.")
		return
	}
	if c.tooMany("inputs", len(req.Input), maxPublicInputs) {
		return
	}
	type item struct {
		Object    string `json:"object"`
		Index     int    `json:"index"`
		Embedding any    `json:"embedding"`
	}
	data, tokens := []item{}, int64(0)
	for i, in := range req.Input {
		tokens += in.tokens
		v := vector(c.model, in.text, value(req.Dimensions, defaultDimensions))
		var embedding any = v
		if req.Encoding == "base64" {
			raw, _ := binary.Append(nil, binary.LittleEndian, v) // floats always encode
			embedding = raw
		}
		data = append(data, item{"embedding", i, embedding})
	}
	answer := map[string]any{"object": "list", "data": data, "model": c.model}
	if c.fault != WithoutUsage {
		answer["usage"] = map[string]int64{"prompt_tokens": tokens, "total_tokens": tokens}
	}
	c.json(answer)
}

var moderationCategories = []string{"harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent",
	"self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic"}

// FlagCue in a text makes a moderation flag it as harassment.
const FlagCue = "flag me"

func (c *call) moderations() {
	req := struct {
		Model string `json:"model"`
		Input inputs `json:"input"`
	}{Model: "omni-moderation-latest"}
	if err := c.decode(&req); err != nil || len(req.Input) == 0 {
		c.badRequest("input", "Invalid moderations request: input is required.")
		return
	}
	if c.tooMany("inputs", len(req.Input), maxPublicInputs) {
		return
	}
	results := []any{}
	for _, in := range req.Input {
		flagged := strings.Contains(in.text, FlagCue)
		categories, scores, applied := map[string]bool{}, map[string]float64{}, map[string][]string{}
		for _, name := range moderationCategories {
			categories[name], scores[name], applied[name] = false, 0.01, []string{"text"}
		}
		if flagged {
			categories["harassment"], scores["harassment"] = true, 0.99
		}
		results = append(results, map[string]any{"flagged": flagged, "categories": categories, "category_scores": scores, "category_applied_input_types": applied})
	}
	c.json(map[string]any{"id": "modr-" + digest(c.model, req.Input[0].text), "model": req.Model, "results": results})
}

// ImageOutputTokens are the tokens of an image that a gpt-image model makes.
const ImageOutputTokens = 272

// pixel is a PNG of one transparent pixel. It is made on first use, because encoding takes nearly a megabyte of memory, which
// a gateway without an echo provider does not need.
var pixel = sync.OnceValue(func() string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 1, 1))); err != nil {
		panic("echo: " + err.Error())
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
})

// imageRequest is a request for images; edits have pictures too.
type imageRequest struct {
	Model         string `json:"model"`
	Prompt        string `json:"prompt"`
	N             *int64 `json:"n"`
	Format        string `json:"response_format"`
	Stream        bool   `json:"stream"`
	PartialImages int64  `json:"partial_images"`
	Images        []any  `json:"images"`
	event         string // the beginning of its events' names
}

func (c *call) images() {
	req := imageRequest{event: "image_generation"}
	if err := c.decode(&req); err != nil {
		c.badRequest("", "The body of the request could not be read as JSON: "+err.Error()+".")
		return
	}
	c.makeImages(req)
}

func (c *call) imageEdits() {
	req := imageRequest{event: "image_edit"}
	if !c.multipart() {
		if err := c.decode(&req); err != nil || len(req.Images) == 0 {
			c.badRequest("images", "Invalid image edit: JSON with images, or a multipart form, is required.")
			return
		}
		c.makeImages(req)
		return
	}
	form, err := c.form()
	if err != nil {
		c.badRequest("", "The multipart form could not be read: "+err.Error()+".")
		return
	}
	pictures := len(form.File["image"]) + len(form.File["image[]"])
	if pictures == 0 {
		c.badRequest("image", "An image file is required.")
		return
	}
	req.Model, req.Prompt, req.Format = form.value("model"), form.value("prompt"), form.value("response_format")
	req.Stream = form.value("stream") == "true"
	req.PartialImages, _ = strconv.ParseInt(form.value("partial_images"), 10, 64) // 0 if it is no number
	if n, err := strconv.ParseInt(form.value("n"), 10, 64); err == nil {
		req.N = &n
	}
	req.Images = make([]any, pictures)
	c.makeImages(req)
}

type imageUsage struct {
	Input   int64 `json:"input_tokens"`
	Details struct {
		Text  int64 `json:"text_tokens"`
		Image int64 `json:"image_tokens"`
	} `json:"input_tokens_details"`
	Output int64 `json:"output_tokens"`
	Total  int64 `json:"total_tokens"`
}

// usage returns the usage of gpt-image models, and nil for other models, which report none.
func (req imageRequest) usage(f Fault) *imageUsage {
	if f == WithoutUsage || !strings.HasPrefix(req.Model, "gpt-image") {
		return nil
	}
	u := &imageUsage{Output: ImageOutputTokens * value(req.N, 1)}
	u.Details.Text, u.Details.Image = Tokens(req.Prompt), ImageTokens*int64(len(req.Images))
	u.Input = u.Details.Text + u.Details.Image
	u.Total = u.Input + u.Output
	return u
}

func (c *call) makeImages(req imageRequest) {
	switch n := value(req.N, 1); {
	case req.Prompt == "":
		c.badRequest("prompt", "A prompt is required.")
		return
	case n < 1 || n > 10:
		c.badRequest("n", "Invalid 'n': it must be from 1 to 10.")
		return
	case req.PartialImages < 0 || req.PartialImages > 3:
		c.badRequest("partial_images", "Invalid 'partial_images': it must be from 0 to 3.")
		return
	case req.Stream:
		c.streamImages(req)
		return
	}
	data := []any{}
	for i := range value(req.N, 1) {
		// The gpt-image models always send the image itself, the older ones a link unless asked.
		if strings.HasPrefix(req.Model, "gpt-image") || req.Format == "b64_json" {
			data = append(data, map[string]string{"b64_json": pixel()})
		} else {
			data = append(data, map[string]string{"url": fmt.Sprintf("https://images.invalid/%s/%d.png", digest(req.Prompt), i), "revised_prompt": Prefix + req.Prompt})
		}
	}
	answer := map[string]any{"created": Created, "data": data}
	if u := req.usage(c.fault); u != nil {
		answer["usage"], answer["size"], answer["quality"] = u, "1024x1024", "low"
		answer["background"], answer["output_format"] = "transparent", "png"
	}
	c.json(answer)
}

func (c *call) streamImages(req imageRequest) {
	s := c.stream(lines)
	send := func(kind string, fields map[string]any) {
		fields["type"], fields["b64_json"], fields["created_at"] = kind, pixel(), Created
		fields["size"], fields["quality"], fields["background"], fields["output_format"] = "1024x1024", "low", "transparent", "png"
		s.event(kind, fields)
	}
	for i := range req.PartialImages {
		send(req.event+".partial_image", map[string]any{"partial_image_index": i})
	}
	s.word(0, 1)
	last := map[string]any{}
	if u := req.usage(c.fault); u != nil {
		last["usage"] = u
	}
	send(req.event+".completed", last)
	s.end()
}

// silence is one MP3 frame (MPEG-1 layer III, 128 kbit/s, 44.1 kHz, mono) that decodes to silence.
var silence = append([]byte{0xFF, 0xFB, 0x90, 0xC4}, make([]byte, 413)...)

var audioTypes = map[string]string{"": "audio/mpeg", "mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac",
	"flac": "audio/flac", "wav": "audio/wav", "pcm": "audio/pcm"}

// speech sends one frame of silence for each word, in a chunk of its own, whatever the format.
func (c *call) speech() {
	var req struct {
		Model        string `json:"model"`
		Input        string `json:"input"`
		Format       string `json:"response_format"`
		StreamFormat string `json:"stream_format"`
	}
	err := c.decode(&req)
	kind, known := audioTypes[req.Format]
	if err != nil || req.Model == "" || req.Input == "" || !known {
		c.badRequest("input", "Invalid speech request: model and input are required, response_format must be known.")
		return
	}
	req.Input = c.repeated(req.Input)
	if req.StreamFormat == "sse" {
		c.streamSpeech(req.Input)
		return
	}
	s := c.stream(framing{contentType: kind})
	n := int(Tokens(req.Input))
	for i := range n {
		s.word(i, n)
		s.data("", silence)
	}
	s.end()
}

func (c *call) streamSpeech(text string) {
	s := c.stream(lines)
	n := int(Tokens(text))
	for i := range n {
		s.word(i, n)
		s.event("", map[string]any{"type": "speech.audio.delta", "audio": silence})
	}
	done := map[string]any{"type": "speech.audio.done"}
	if c.fault != WithoutUsage {
		done["usage"] = map[string]int{"input_tokens": n, "output_tokens": 10 * n, "total_tokens": 11 * n}
	}
	s.event("", done)
	s.end()
}

// Audio in a request lasts a second for every AudioBytesPerSecond bytes begun. A second counts as AudioTokensPerSecond if the
// model bills tokens.
const (
	AudioBytesPerSecond  = 16_000
	AudioTokensPerSecond = 10
)

func (c *call) transcriptions() { c.transcribe("transcribe") }
func (c *call) translations()   { c.transcribe("translate") }

func (c *call) transcribe(task string) {
	if !c.multipart() {
		c.badRequest("file", "A multipart form with a file is required.")
		return
	}
	form, err := c.form()
	if err != nil || len(form.File["file"]) == 0 || form.value("model") == "" {
		c.badRequest("file", "Invalid form: file and model are required.")
		return
	}
	file := form.File["file"][0]
	seconds := max(1, (file.Size+AudioBytesPerSecond-1)/AudioBytesPerSecond)
	text := Prefix + file.Filename
	switch {
	case form.value("stream") == "true":
		c.streamTranscript(text, seconds)
	case form.value("response_format") == "text":
		c.whole("text/plain; charset=utf-8", []byte(text+"\n"))
	case form.value("response_format") == "srt":
		c.whole("text/plain; charset=utf-8", fmt.Appendf(nil, "1\n00:00:00,000 --> 00:00:01,000\n%s\n\n", text))
	case form.value("response_format") == "vtt":
		c.whole("text/plain; charset=utf-8", fmt.Appendf(nil, "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n%s\n\n", text))
	default:
		c.transcript(task, text, seconds, form.value("response_format") == "verbose_json")
	}
}

func (c *call) transcript(task, text string, seconds int64, verbose bool) {
	answer := map[string]any{"text": text}
	if verbose {
		answer["task"], answer["language"], answer["duration"], answer["segments"] = task, "english", float64(seconds), []any{}
	}
	if u := c.audioUsage(text, seconds); u != nil && task == "transcribe" {
		answer["usage"] = u
	}
	c.json(answer)
}

// audioUsage bills whisper by time and the other models by tokens. It is nil if the fault hides it.
func (c *call) audioUsage(text string, seconds int64) map[string]any {
	if c.fault == WithoutUsage {
		return nil
	}
	if strings.HasPrefix(c.model, "whisper") {
		return map[string]any{"type": "duration", "seconds": seconds}
	}
	in, out := AudioTokensPerSecond*seconds, Tokens(text)
	return map[string]any{"type": "tokens", "input_tokens": in, "input_token_details": map[string]int64{"text_tokens": 0, "audio_tokens": in},
		"output_tokens": out, "total_tokens": in + out}
}

func (c *call) streamTranscript(text string, seconds int64) {
	s := c.stream(lines)
	pieces := words(text)
	for i, piece := range pieces {
		s.word(i, len(pieces))
		s.event("", map[string]any{"type": "transcript.text.delta", "delta": piece})
	}
	done := map[string]any{"type": "transcript.text.done", "text": text}
	if u := c.audioUsage(text, seconds); u != nil {
		done["usage"] = u
	}
	s.event("", done)
	s.end()
}

type form struct{ *multipart.Form }

// form reads a multipart body. Nothing is kept on disk.
func (c *call) form() (form, error) {
	r := c.r.Clone(c.r.Context())
	r.Body = io.NopCloser(bytes.NewReader(c.body))
	r.MultipartForm, r.Form, r.PostForm = nil, nil, nil
	if err := r.ParseMultipartForm(MaxBody); err != nil {
		return form{}, err
	}
	return form{r.MultipartForm}, nil
}

func (f form) value(name string) string {
	if v := f.Value[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

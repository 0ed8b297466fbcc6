package wire

import (
	"bytes"
	"io"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	edits          = "/v1/images/edits"
	transcriptions = "/v1/audio/transcriptions"
	rawPNG         = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
)

// form joins parts, each its header lines and content, into a body with the boundary B.
func form(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--B\r\n" + p + "\r\n")
	}
	return b.String() + "--B--\r\n"
}

func textPart(name, value string) string {
	return "Content-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value
}

func filePart(name, filename, value string) string {
	return "Content-Disposition: form-data; name=\"" + name + "\"; filename=\"" + filename + "\"\r\nContent-Type: application/octet-stream\r\n\r\n" + value
}

func parseForm(t testing.TB, path, body string) (*Envelope, error) {
	return Parse(at(t, path), "multipart/form-data; boundary=B", []byte(body))
}

func TestParse_readsForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, body string
		want             Envelope
		data             int // bytes that are no text
	}{
		{"Transcription", transcriptions, form(filePart("file", "a.mp3", "ID3\r\n\x00\xff"), textPart("model", "whisper-1")),
			Envelope{Model: "whisper-1", Answers: 1, Input: Input{Opaque: true}, Sounds: [][]byte{[]byte("ID3\r\n\x00\xff")}}, 7},
		{"SpeakersVoices", transcriptions, form(textPart("model", "m"), textPart("known_speaker_references[]", "data:audio/wav;base64,AAAA"), textPart("known_speaker_references[]", "x")),
			Envelope{Model: "m", Answers: 1, Input: Input{Opaque: true}, SoundClips: 2}, 0},
		{"SoundByURL", transcriptions, form(textPart("model", "m"), textPart("file_url", "https://example.com/a.mp3")),
			Envelope{Model: "m", Answers: 1, Input: Input{Opaque: true}, SoundAbsent: true}, 0},
		{"Translation", "/v1/audio/translations", form(textPart("model", "whisper-1")), Envelope{Model: "whisper-1", Answers: 1, Input: Input{Opaque: true}}, 0},
		{"Streamed", transcriptions, form(textPart("model", "gpt-4o-transcribe"), textPart("stream", "true")),
			Envelope{Model: "gpt-4o-transcribe", Stream: true, Answers: 1, Input: Input{Opaque: true}}, 0},
		{"NotStreamed", transcriptions, form(textPart("model", "m"), textPart("stream", "false")), Envelope{Model: "m", Answers: 1, Input: Input{Opaque: true}}, 0},
		{"Speech", "/v1/audio/speech", form(textPart("model", "tts-1"), textPart("input", "grün 😀")), Envelope{Model: "tts-1", Answers: 1, Characters: 6}, 0},
		{"ImageEdit", edits, form(textPart("model", "gpt-image-1"), textPart("n", "3"), textPart("prompt", "a hat"), filePart("image[]", "a.png", rawPNG), filePart("image[]", "b.jpg", "\xff\xd8\xff\xe0abc"), filePart("mask", "m.png", rawPNG)),
			Envelope{Model: "gpt-image-1", Answers: 3, Input: Input{Images: 3}}, 2*len(rawPNG) + 7},
		{"ImageOfNoKnownFormatIsTextToo", edits, form(textPart("model", "m"), filePart("image", "a.png", "please read this")), Envelope{Model: "m", Answers: 1, Input: Input{Images: 1}}, 0},
		{"OtherFilesAreText", edits, form(textPart("model", "m"), filePart("prompt", "a.png", rawPNG)), Envelope{Model: "m", Answers: 1}, 0},
		{"NoFinalLineEnd", edits, strings.TrimSuffix(form(textPart("model", "m")), "\r\n"), Envelope{Model: "m", Answers: 1}, 0},
		{"LabelledLatin", edits, form("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nm"), Envelope{Model: "m", Answers: 1}, 0},
		{"LabelledASCII", edits, form("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain;charset=\"US-ASCII\"; format=flowed\r\n\r\nm"), Envelope{Model: "m", Answers: 1}, 0},
		{"CharsetOfTheForm", edits, form(textPart("_charset_", "UTF-8"), textPart("model", "m")), Envelope{Model: "m", Answers: 1}, 0},
		{"HeadersInAnyCase", edits, form("content-disposition:form-data;name=model\r\ncontent-type:text/plain; charset=utf-8\r\n\r\nm"), Envelope{Model: "m", Answers: 1}, 0},
		{"EmptyPart", edits, form(textPart("model", "m"), textPart("user", "")), Envelope{Model: "m", Answers: 1}, 0},
		{"LineEndsInContent", edits, form(textPart("prompt", "\r\na\r\n\r\n--\r\n"), textPart("model", "m")), Envelope{Model: "m", Answers: 1}, 0},
		{"ExtendedFilename", edits, form(textPart("model", "m"), "Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"; filename*=utf-8''%C3%A4.png\r\n\r\n"+rawPNG), Envelope{Model: "m", Answers: 1, Input: Input{Images: 1}}, len(rawPNG)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseForm(t, c.path, c.body)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Endpoint = at(t, c.path)
			c.want.Input.TextBytes = int64(len(c.body) - c.data)
			if diff := cmp.Diff(&c.want, got, cmpopts.IgnoreUnexported(Envelope{})); diff != "" {
				t.Errorf("envelope (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse_refusesForms(t *testing.T) {
	t.Parallel()
	model := textPart("model", "m")
	for _, c := range []struct{ name, body, param, says string }{
		{"Empty", "", "", "is empty"},
		{"JSON", `{"model":"m"}`, "", "does not begin with its boundary"},
		{"Preamble", "x\r\n" + form(model), "", "does not begin with its boundary"},
		{"LeadingLineEnd", "\r\n" + form(model), "", "does not begin with its boundary"},
		{"OtherBoundary", "--C\r\n" + model + "\r\n--C--\r\n", "", "does not begin with its boundary"},
		{"Epilogue", form(model) + "x", "", "a line end or the final boundary"},
		{"SecondForm", form(model) + form(model), "", "a line end or the final boundary"},
		{"NoFinalBoundary", "--B\r\n" + model, "", "cut off"},
		{"CutInsideBoundary", "--B\r\n" + model + "\r\n--B", "", "cut off"},
		{"CutInsideFinalBoundary", "--B\r\n" + model + "\r\n--B-", "", "final boundary"},
		{"CutInHeader", "--B\r\nContent-Disp", "", "cut off"},
		{"CutAfterHeader", "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n", "", "cut off"},
		{"PaddedBoundary", "--B \r\n" + model + "\r\n--B--\r\n", "", "a line end or the final boundary"},
		{"LongerBoundary", "--BB\r\n" + model + "\r\n--BB--\r\n", "", "a line end or the final boundary"},
		{"BoundaryInContent", form(model, textPart("prompt", "a--B")), "", "no boundary inside a part"},
		{"BoundaryAfterBareLineEnd", form(model, textPart("prompt", "a\n--B\nContent-Disposition: form-data; name=\"model\"\n\ndear")), "", "no boundary inside a part"},
		{"BoundaryInHeader", "--B\r\nX: --B\r\n" + model + "\r\n--B--\r\n", "", "no boundary above"},
		{"BareLineEndsInHeader", "--B\r\nContent-Disposition: form-data; name=\"model\"\n\r\nm\r\n--B--\r\n", "", "a header line"},
		{"NULInHeader", "--B\r\nContent-Disposition: form-data; name=\"mo\x00del\"\r\n\r\nm\r\n--B--\r\n", "", "a header line"},
		{"ControlCharacterInHeader", form("Content-Disposition: form-data; name=\"model\"; \x10=\"ä\"\r\n\r\nm"), "", "a header line"},
		{"FoldedDisposition", form("Content-Disposition: form-data;\r\n name=\"model\"\r\n\r\nm"), "", "Content-Disposition: form-data"},
		{"FoldedHeader", form("X: a\r\n b: c\r\n" + model), "", "a header above it"},
		{"NoColonInHeader", form("Content-Disposition form-data\r\n\r\nm"), "", "a header above it"},
		{"EndlessHeader", "--B\r\nX: " + strings.Repeat("x", 10<<10), "", "a header line"},
		{"NoDisposition", form("Content-Type: text/plain\r\n\r\nm"), "", "no Content-Disposition"},
		{"NoHeader", form("\r\nm"), "", "no Content-Disposition"},
		{"TwoDispositions", form("Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm"), "", "two Content-Disposition"},
		{"TwoNames", form("Content-Disposition: form-data; name=\"a\"; name=\"model\"\r\n\r\nm"), "", "Content-Disposition: form-data"},
		{"NoName", form("Content-Disposition: form-data\r\n\r\nm"), "", "Content-Disposition: form-data"},
		{"EmptyName", form(textPart("", "m")), "", "Content-Disposition: form-data"},
		{"ExtendedName", form("Content-Disposition: form-data; name*=utf-8''model\r\n\r\nm"), "", "Content-Disposition: form-data"},
		{"NameEncodedAsInMail", form("Content-Disposition: form-data; name=\"=?utf-8?q?model?=\"\r\n\r\nm"), "", "Content-Disposition: form-data"},
		{"NameInPieces", form("Content-Disposition: form-data; name*0=mo; name*1=del\r\n\r\nm"), "", "Content-Disposition: form-data"},
		{"EscapedQuote", form(`Content-Disposition: form-data; name="a\"; x="; name="model"` + "\r\n\r\nm"), "", "Content-Disposition: form-data"},
		{"UnclosedQuote", form("Content-Disposition: form-data; name=\"model\r\n\r\nm"), "", "Content-Disposition: form-data"},
		{"Attachment", form("Content-Disposition: attachment; name=\"model\"\r\n\r\nm"), "", "Content-Disposition: form-data"},
		{"ModelMissing", form(textPart("prompt", "x")), "model", "`model` is missing"},
		{"ModelTwice", form(model, textPart("model", "dear")), "model", "more than once"},
		{"ModelInOtherCase", form(model, textPart("Model", "dear")), "model", "letter case"},
		{"ModelAsList", form(textPart("model[]", "m")), "model", "must not be a list"},
		{"ModelAsFile", form(filePart("model", "m", "m")), "model", "plain text field"},
		{"ModelInBase64", form("Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64\r\n\r\nbQ=="), "model", "plain text field"},
		{"ModelInOtherCharset", form("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\nm"), "model", "plain text field"},
		{"ModelInUTF7", form("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\nm"), "model", "plain text field"},
		{"ModelInTwoCharsets", form("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Type: text/plain; charset=utf-16\r\n\r\nm"), "model", "plain text field"},
		{"ModelInLatinLetters", form("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\n\r\nm\u00e9"), "model", "plain text field"},
		{"ModelAsJSON", form("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: application/json\r\n\r\nm"), "model", "plain text field"},
		{"Fallbacks", form(textPart("model", "m"), textPart("fallbacks", "dear")), "fallbacks", "must not be a list"},
		{"CharsetOfTheForm", form(textPart("_charset_", "utf-16"), textPart("model", "m")), "_charset_", "UTF-8"},
		{"ModelNotUTF8", form(textPart("model", "m\xff")), "model", "plain text field"},
		{"ModelEmpty", form(textPart("model", "")), "model", "is empty"},
		{"ModelWithLineEnd", form(textPart("model", "m\r\n")), "model", "control characters"},
		{"StreamOne", form(model, textPart("stream", "1")), "stream", "must be true or false"},
		{"StreamTwice", form(model, textPart("stream", "true"), textPart("stream", "false")), "stream", "more than once"},
		{"NWord", form(model, textPart("n", "two")), "n", "must be a whole number"},
		{"NTooMany", form(model, textPart("n", "500")), "n", "from 1 to 128"},
		{"NEmpty", form(model, textPart("n", "")), "n", "must be a whole number"},
		{"NSpaced", form(model, textPart("n", " 1")), "n", "must be a whole number"},
		{"NTwice", form(model, textPart("n", "1"), textPart("n", "2")), "n", "more than once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, err := parseForm(t, edits, c.body)
			wantRefusal(t, e, err, c.param, c.says)
		})
	}
}

func TestParse_findsObjectsInForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, part, id string
		want           []Object
	}{
		{"File", "file_id", "file-1", []Object{{"file_id", "file-1"}}},
		{"Files", "file_ids[]", "file-1", []Object{{"file_ids", "file-1"}}},
		{"InBrackets", "audio[file_id]", "file-1", []Object{{"file_id", "file-1"}}},
		{"VoiceByID", "voice[id]", "v-1", []Object{{"voice", "v-1"}}},
		{"VoiceByName", "voice", "alloy", nil},
		{"Anything", "prompt", "file_id", nil},
		{"TooLong", "file_id", strings.Repeat("a", 2<<10), []Object{{"file_id", strings.Repeat("a", 1<<10)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, body := range []string{form(textPart("model", "m"), textPart(c.part, c.id)), form(textPart("model", "m"), filePart(c.part, "a", c.id))} {
				e, err := parseForm(t, transcriptions, body)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, e.Demands.Objects); diff != "" {
					t.Errorf("objects (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestParse_refusesOtherCharsetsOfAForm(t *testing.T) {
	t.Parallel()
	body := form(textPart("model", "m"), textPart("+AG0-odel", "dear"))
	for charset, taken := range map[string]bool{"utf-8": true, "US-ASCII": true, "utf-7": false, "utf-16": false, "latin1": false, "x": false} {
		_, err := Parse(at(t, edits), "multipart/form-data; boundary=B; charset="+charset, []byte(body))
		if (err == nil) != taken {
			t.Errorf("%s: %v", charset, err)
		}
	}
}

func TestApply_editsForms(t *testing.T) {
	t.Parallel()
	body := form(filePart("image", "a.png", rawPNG), textPart("model", "a"), textPart("n", "2"))
	e, err := parseForm(t, edits, body)
	if err != nil {
		t.Fatal(err)
	}
	got := e.Apply(Edit{Model: "gpt-image-1", MaxOutput: 5, CapField: "max_tokens", IncludeUsage: true})
	want := form(filePart("image", "a.png", rawPNG), textPart("model", "gpt-image-1"), textPart("n", "2"))
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if same := e.Apply(Edit{MaxOutput: 5, CapField: "max_tokens", IncludeUsage: true}); string(same) != body {
		t.Errorf("a form was given a field: %q", same)
	}
}

func TestParse_readsWhatTheStandardWriterWrites(t *testing.T) {
	t.Parallel()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range [][2]string{{"model", "gpt-image-1"}, {"prompt", "ein \"Hut\"\r\n"}, {"n", "2"}} {
		if err := w.WriteField(f[0], f[1]); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("image", "größe.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(file, rawPNG); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := Parse(at(t, edits), w.FormDataContentType(), body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if e.Model != "gpt-image-1" || e.Answers != 2 || e.Input.Images != 1 {
		t.Errorf("got %+v", e)
	}
}

// FuzzMultipart: the standard reader reads every accepted form too, with the same model, stream flag and n.
func FuzzMultipart(f *testing.F) {
	f.Add([]byte(form(filePart("image", "a.png", rawPNG), textPart("model", "a"), textPart("n", "2"), textPart("stream", "true"))), "c")
	f.Add([]byte(form(textPart("model", "a\nb"), textPart("Model", "b"))), "c")
	f.Add([]byte(form(textPart("prompt", "x\n--B\n"), textPart("model", "b"))), "c")
	f.Add([]byte(form("Content-Disposition: form-data; name=\"a\\\"; name=\"model\"\r\n\r\nm")), "c")
	f.Add([]byte(form("Content-Disposition: form-data; name=model; x=\"\xc3\xa4;\"\r\n\r\nm")), "c")
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		e, err := parseForm(t, edits, string(body))
		if err != nil {
			return
		}
		fields := standardForm(t, body)
		if got := fields["model"]; len(got) != 1 || got[0] != e.Model {
			t.Fatalf("model is %q to another reader, %q to us", got, e.Model)
		}
		if got := fields["stream"]; (len(got) == 1 && got[0] == "true") != e.Stream || len(got) > 1 {
			t.Errorf("stream is %q to another reader, %v to us", got, e.Stream)
		}
		if e.Input.TextBytes < 0 || e.Input.TextBytes > int64(len(body)) || e.Answers < 1 {
			t.Errorf("impossible measures: %+v", e)
		}
		if checkModel(name) != nil || strings.Contains(name, "--B") {
			return
		}
		changed := standardForm(t, e.Apply(Edit{Model: name}))
		fields["model"] = []string{name}
		if diff := cmp.Diff(fields, changed); diff != "" {
			t.Errorf("form after the edit (-want +got):\n%s", diff)
		}
	})
}

// standardForm reads a form with the standard library.
func standardForm(t *testing.T, body []byte) map[string][]string {
	t.Helper()
	fields := map[string][]string{}
	r := multipart.NewReader(bytes.NewReader(body), "B")
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return fields
		}
		if err != nil {
			t.Fatalf("another reader refuses the form: %v in %q", err, body)
		}
		value, err := io.ReadAll(p)
		if err != nil {
			t.Fatalf("another reader refuses the form: %v in %q", err, body)
		}
		fields[p.FormName()] = append(fields[p.FormName()], string(value))
	}
}

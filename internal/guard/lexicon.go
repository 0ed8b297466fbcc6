package guard

import "strings"

// concepts are meanings of a word, one bit each.
type concepts uint64

// The concepts. Rules and features of the model speak of them, so one rule holds in many languages.
const (
	ignore concepts = 1 << iota
	instruction
	previous
	reveal
	repeat
	you
	system
	prompt
	secret
	role
	free
	limits
	mode
	now
	all
	no
	mine
	article
	text
	ask
	about
	refuse
	machine
	begin
	want
	translate
	is
	do
	verbatim
	data
	bypass
	game
)

const numConcepts = 32

// meanings is the lexicon as a trie.
var meanings = func() *trie {
	t := newTrie()
	n := newNormaliser(nil)
	var folded Text
	for bit, words := range lexicon {
		for _, w := range strings.Fields(words) {
			stem, prefix := strings.CutSuffix(w, "*")
			prefix = prefix || stem >= "가" && stem <= "힣" // Korean appends particles
			parts := strings.Split(stem, "_")
			for i, part := range parts {
				n.fold(&folded, part)
				parts[i] = string(folded.buf)
			}
			t.add(strings.Join(parts, "_"), bit, prefix)
		}
	}
	return t
}()

// trie finds words, and words that begin with a stem.
type trie struct {
	nodes []trieNode
	root  [256]int32
	count int
}

type trieNode struct {
	labels      string
	next        []int32
	whole, stem concepts // of the word that ends here, and of words that begin so
}

func newTrie() *trie { return &trie{nodes: make([]trieNode, 1)} }

func (t *trie) add(word string, c concepts, prefix bool) {
	if word == "" {
		return
	}
	at := t.root[word[0]]
	if at == 0 {
		at = t.node()
		t.root[word[0]] = at
	}
	for i := 1; i < len(word); i++ {
		n := &t.nodes[at]
		j := strings.IndexByte(n.labels, word[i])
		if j >= 0 {
			at = n.next[j]
			continue
		}
		to := t.node()
		n = &t.nodes[at]
		n.labels += string(word[i : i+1])
		n.next = append(n.next, to)
		at = to
	}
	t.nodes[at].whole |= c
	if prefix {
		t.nodes[at].stem |= c
	}
	t.count++
}

func (t *trie) node() int32 {
	t.nodes = append(t.nodes, trieNode{})
	return int32(len(t.nodes) - 1)
}

// down returns the node after b; 0 if there is none.
func (t *trie) down(at int32, b byte) int32 {
	n := &t.nodes[at]
	if j := strings.IndexByte(n.labels, b); j >= 0 {
		return n.next[j]
	}
	return 0
}

// has reports whether a word is in the trie.
func (t *trie) has(word []byte) bool {
	if len(word) == 0 {
		return false
	}
	at := t.root[word[0]]
	for i := 1; i < len(word) && at != 0; i++ {
		at = t.down(at, word[i])
	}
	return at != 0 && t.nodes[at].whole != 0
}

// maxPhrase bounds the tokens of an entry of the lexicon.
const maxPhrase = 8

// of returns the concepts of the i-th token: those of the word, of the phrase that begins with it, or of the characters from
// there on in a script without spaces.
func (t *trie) of(x *Text, i int) (c concepts) {
	tok := &x.tokens[i]
	word := x.buf[tok.lo:tok.hi]
	at := t.root[word[0]]
	for j := 1; j < len(word) && at != 0; j++ {
		c |= t.nodes[at].stem
		at = t.down(at, word[j])
	}
	if at == 0 {
		return c
	}
	c |= t.nodes[at].whole | t.nodes[at].stem
	for k := 1; k < maxPhrase && i+k < len(x.tokens); k++ {
		next := &x.tokens[i+k]
		if !tok.alone || !next.alone {
			if at = t.down(at, '_'); at == 0 {
				return c
			}
		} else if next.start != x.tokens[i+k-1].end {
			return c
		}
		for _, b := range x.buf[next.lo:next.hi] {
			if at = t.down(at, b); at == 0 {
				return c
			}
		}
		c |= t.nodes[at].whole | t.nodes[at].stem
	}
	return c
}

// lexicon lists the words of each concept in English and 25 other languages. A star stands for any ending; an underscore for
// a space between two words.
var lexicon = map[concepts]string{
	ignore: `ignor* disregard* forget* forgot* overrid* overrule* overwrit* neglect* dismiss* discard* cancel cancels canceled nullif* void voids voided
		suspend* abandon* overlook* negate* invalidat* erase erased omit revoke* rescind* supersede* annul* nvm
		vergiss* vergess* missacht* übergeh* verwerf* verwirf* überschreib* aufheb* ausser_acht lass_alle streich* setz_dich_über
		ignorez ignore* oublie* oubliez neglige* négligez abandonne* annule* fais_abstraction ne_tenez_pas_compte tenir_compte outrepass*
		ignora* ignore* olvida* olvide* descarta* descarte* omite* omita* anula* anule* pasa_por_alto desestim*
		esquec* esqueç* descart* desconsider* despreza* anule* ignore*
		dimentica* scorda* trascura* annulla* scarta* non_tenere_conto
		negeer* vergeet* vergeten sla_over annuleer* laat_vallen
		ignorera* glöm* strunta* bortse* åsidosätt* upphäv*
		zignoruj* ignoruj* zapomnij* zapomnieć pomiń* pomijaj* odrzuć* anuluj* porzuć*
		ignoruj* zapomeň* zapomeňte zapome* přehlíž* zruš* pomiň*
		ignoră* ignora* uită* uitați uita* anulează* renunță* neglij*
		игнорир* проигнорир* забудь* забыть забудьте отмени* пренебрег* отбрось* отбросьте не_обращай* сбрось* аннулир*
		ігнору* проігноруй* забудь* скасуй* знехтуй* відкинь* відкиньте зневаж*
		abaikan* lupakan* hiraukan* batalkan* kesampingkan* tinggalkan*
		yoksay* yok_say* görmezden_gel* unut* boş_ver* iptal_et* geçersiz_kıl* göz_ardı* dikkate_alma*
		bỏ_qua quên* phớt_lờ* hủy_bỏ* gạt_bỏ* đừng_để_ý lờ_đi
		huwag_pansinin balewalain* kalimutan* isantabi* huwag_sundin ipagwalang*
		αγνόησ* αγνοήσ* ξέχνα* ξεχάστε ξέχασ* παράβλεψ* παραβλέψ* ακύρωσ* απέρριψ* απορρίψ*
		تجاهل* تجاهلي انس انسى انسَ اترك* ألغ* تخط*
		התעלם* התעלמ* תתעלם* שכח* תשכח* תשכחי בטל* לבטל זנח* אל_תתייחס
		नज़रअंदाज़* नजरअंदाज* अनदेखा* अनदेखी* भूल_जा* भूल* रद्द* छोड़*
		উপেক্ষা* ভুলে_যাও ভুলে* বাতিল* অগ্রাহ্য* এড়িয়ে*
		نادیده* فراموش* چشمپوشی* بیتوجه* کنار_بگذار* لغو*
		ลืม เพิกเฉย ไม่ต้องสนใจ ละเว้น มองข้าม ยกเลิก ไม่สนใจ ละทิ้ง
		忽略 无视 忘记 忘掉 忘了 不要理会 别管 不用管 取消 抛弃 放弃 撤销 無視 忽視 忘記 不理会 作废 覆盖
		無視 忘れ 破棄 取り消 無効に 上書き 従わないで
		무시 잊어 잊고 잊으 취소 따르지_마 신경_쓰지 덮어쓰 무효
		bhool* nazarandaz* anadekha* chhod*`,
	bypass: `bypass* circumvent* evade* jailbreak* jailbroken disable* deactivat* unlock* turn_off switch_off remove removed lift lifted break broke exploit*
		umgeh* deaktivier* entsperr* contourn* désactiv* débloqu* elud* desactiv* desbloque* burla* aggira* disattiv* sblocca* omzeil*
		uitschakel* kringgå* inaktiver* omiń* obejdź* wyłącz* obejdi* vypni* ocoli* dezactiv* обойди* обойти отключи* сними обійд* вимкни* lewati* nonaktif* aş
		devre_dışı* vượt_qua vô_hiệu* παράκαμψ* απενεργοποί* تعطيل عطل* השבת* עקוף* बायपास* निष्क्रिय* 绕过 禁用 关闭 解除 突破 越狱 回避 解除 無効化 우회 비활성화 해제 ข้าม ปิดใช้งาน`,
	instruction: `instruct* directive* guideline* rule rules ruleset command commands orders policy policies constraint* restriction* programming programmed
		protocol* directions prompting regulations commandments mandate mandates setup configuration config configurations briefing prelude preamble pre preprompt constitution
		anweisung* regel regeln vorgabe* anordnung* richtlinie* befehl* instruktion* vorschrift* anleitung*
		consigne* règle* directive* ordres commandes regles contrainte*
		instruccion* regla reglas órdenes directri* norma normas indicacion* pauta*
		instruç* instruc* regra* diretri* ordens orientaç*
		istruzion* regol* direttiv* ordini comandi indicazion* linee_guida
		instructie* regels regel richtlijn* opdracht* aanwijzing* bevel* voorschrift*
		instruktion* regler reglerna riktlinje* anvisning* föreskrift*
		instrukcj* zasad* polece* wytyczn* reguł* rozkaz* nakaz*
		instrukc* pravidl* příkaz* pokyn* směrnic* nařízen*
		instrucțiun* regul* ordin* comenzi directiv* indicați*
		инструкц* указани* правил* команд* приказ* директив* установк* предписан*
		інструкц* вказівк* правил* команд* наказ* директив* настанов*
		instruksi* perintah* aturan* arahan* petunjuk* pedoman* peraturan*
		talimat* kural* komut* yönerge* emir* emirler* direktif*
		hướng_dẫn chỉ_thị quy_tắc lệnh mệnh_lệnh quy_định chỉ_dẫn
		tagubilin* utos* panuntunan* patakaran* alituntunin*
		οδηγί* κανόν* εντολ* κατευθυντήρι* διαταγ*
		تعليمات* التعليمات قواعد* القواعد أوامر* الأوامر توجيهات* التوجيهات إرشادات* الإرشادات تعليماتك
		הוראות* ההוראות הוראה הנחיות* ההנחיות כללים* הכללים פקודות* הפקודות
		निर्देश* नियम* आदेश* दिशानिर्देश* हिदायत* अनुदेश*
		নির্দেশ* নিয়ম* আদেশ* নির্দেশনা* নির্দেশাবলী*
		دستور* قوانین* قانون* راهنما* فرمان* دستورالعمل*
		คำสั่ง กฎ คำแนะนำ แนวทาง ข้อกำหนด กติกา
		指令 指示 规则 规定 命令 指南 要求 设定 准则 說明 規則 说明 约束 提示
		指示 命令 ルール 規則 ガイドライン 指令 設定 制約
		지시 규칙 명령 지침 가이드라인 설정 규정
		nirdesh* niyam* aadesh*`,
	previous: `previous* prior above preceding earlier foregoing before initial initially original originally first starting beginning start existing former past precedent antecedent
		preliminary given received preset predefined preconfigured current top ago already far original_*
		vorherig* bisherig* früher* obig* vorangegangen* ursprünglich* anfänglich* oben zuvor vorher erst* bisher anfang beginn
		précédent* antérieur* dessus initial* originel* avant début premier* premières
		anterior* previ* arriba original* inicial* primer* antes principio comienzo
		anterior* acima prévi* inicial* original* primeir* antes começo início
		precedent* sopra iniziale* originale* prima inizio primo
		vorige* eerdere* voorgaande* bovenstaande* oorspronkelijke* eerste hierboven begin
		tidigare föregående ovan ursprunglig* första innan början
		poprzedni* wcześniejsz* powyższ* początkow* pierwotn* pierwsz* powyżej dotychczas*
		předchoz* dřívějš* výše původní* první* počáteční* dosavadní*
		anterioar* precedent* inițial* original* sus prim* început*
		предыдущ* прежн* выше первоначальн* изначальн* ранее начальн* перв* прошл*
		попередн* вище початков* первинн* раніше перш* минул*
		sebelumnya terdahulu awal pertama atas semula
		önceki* yukarıdaki* ilk başlangıç* daha_önce* orijinal* üstteki* yukarıda*
		trước trên đầu ban_đầu gốc đầu_tiên
		nauna* naunang dati* itaas unang orihinal* simula
		προηγούμεν* παραπάνω αρχικ* πρώτ* πριν ανωτέρω
		السابق* السابقة أعلاه الأول* الأصلي* الأولى سابق* السالفة
		הקודמ* קודמ* לעיל הראשונ* המקורי* למעלה ראשונ*
		पिछल* पूर्व* ऊपर पहल* मूल* प्रारंभिक* शुरुआत*
		আগের পূর্ববর্তী* উপরের প্রথম* মূল* পূর্বের প্রাথমিক* আগে
		قبلی* بالا پیشین* اولیه* اصلی* نخستین* قبل
		ก่อนหน้า ข้างต้น ด้านบน เริ่มต้น แรก เดิม ข้างบน
		之前 以上 上面 先前 前面 最初 原来 此前 上述 初始 原始 開頭 开头 第一
		以前 これまで 上記 前の 最初 元の 先ほど 冒頭 初期 今まで 上の
		이전 위의 앞의 처음 최초 기존 초기 앞서 위에
		pehle pichhl* pichl* upar`,
	reveal: `reveal* show shows showing print prints display displays output outputs tell give expose* disclose* leak* share dump send recite spell state describe list provide
		present report unveil divulge announce publish uncover hand return export extract emit say write type enumerate inspect confess access retrieve view see render post quote
		zeig* nenn* verrat* gib geben ausgeb* offenbar* enthüll* drucke* liste* sag schreib* preisgeb* anzeig*
		montr* affich* révèl* révél* dis dites donne* divulgu* dévoil* imprim* écri* liste* partage*
		muestra* muéstra* muestre* revela* revele* dime dame diga imprime* enseña* escribe* comparte* lista exhib* expon* divulga*
		mostre* mostra* revele* revela* diga exiba* exibir imprima* escreva* liste* compartilh* conte forneça*
		mostra* rivela* dimmi dammi visualizza* stampa* scrivi* elenca* svela* condividi* divulga*
		toon* onthul* laat_zien geef vertel* print* schrijf* deel* weergeef*
		visa avslöja* skriv* berätta* lista ge dela
		pokaż* ujawn* wyświetl* podaj* wypisz* napisz* powiedz* wydrukuj* udostępn* zdradź*
		ukaž* zobraz* odhal* vypiš* řekni* napiš* prozraď* sděl* vytiskn*
		arată* dezvălui* afișează* spune* scrie* listează* divulg* oferă*
		покажи* раскро* выведи* выведите напиши* скажи* назови* напечатай* сообщи* отобрази* выдай* перечисли* открой
		покаж* розкрий* виведи* напиши* скажи* назви* надрукуй* повідом* відобраз*
		tampilkan* tunjukkan* ungkap* beritahu* sebutkan* cetak* tuliskan* tulis bocorkan* katakan*
		göster* açıkla* söyle* yazdır* listele* ver paylaş* ifşa* yaz
		hiển_thị tiết_lộ cho_tôi_xem in_ra cho_biết nói viết liệt_kê chia_sẻ đưa_ra cho_tôi
		ipakita* ibunyag* sabihin* ilahad* isulat* ilista* ibigay* ilabas*
		δείξε* δείξτε εμφάνισ* αποκάλυψ* πες πείτε γράψ* τύπωσ* εκτύπωσ*
		أظهر* اعرض* اكشف* أخبرني* اطبع* اكتب* قل أعطني* أعط
		הצג* חשוף* גלה* הראה* אמור* כתוב* הדפס* תראה* תגיד תגלה
		दिखा* बता* प्रकट* लिख* प्रिंट* उजागर* दो
		দেখা* প্রকাশ* বল* লেখ* বলো লিখ*
		نشان* نمایش* بگو* فاش* افشا* بنویس* چاپ*
		แสดง เปิดเผย บอก พิมพ์ เขียน แจ้ง
		显示 展示 告诉 输出 打印 透露 揭示 公开 说出 列出 写出 泄露 給我 给我 顯示 展現
		表示 見せ 教え 出力 公開 開示 明かし 書い 書き 示し
		보여 알려 출력 공개 말해 표시 밝혀 적어 써줘 드러
		dikhao* batao* bata dikha`,
	repeat: `repeat* copy copies copying echo echoes reproduce* restate* recite* rewrite* mirror* transcribe* paste replay relay regurgitate rephrase paraphrase summarize summarise recap
		wiederhol* kopier* wiedergeb* répèt* répét* recopi* copie* repit* repet* copia* cópia copie* ripeti* copia* herhaal* kopieer* upprepa* kopiera* powtórz* skopiuj*
		zopakuj* opakuj* zkopíruj* repetă* copiază* повтори* скопируй* повторити повтор* скопіюй* ulangi* salin* tekrar* kopyala* lặp_lại nhắc_lại sao_chép chép ulitin* kopyahin*
		επανάλαβ* επαναλάβ* αντίγραψ* كرر* انسخ* أعد חזור* העתק* दोहरा* कॉपी* পুনরাবৃত্তি* কপি* تکرار* کپی* ทำซ้ำ คัดลอก ทวน 重复 复述 复制 重複 抄写 繰り返 コピー 復唱 반복 복사 dohrao`,
	you: `you your yours youre youve yourself u ur thy
		du dein* dir dich ihr ihre ihren ihrer sie ihnen tu ton tes ta vous votre vos toi usted ustedes su sus tú ti eres você voce seu sua seus suas teu tua
		tuo tua tuoi tue lei jij je jouw jullie uw din ditt dina dig twój twoje twoja twoich twojego twoją tvoje tvůj tvé svůj své svoje vaše tău ta tale tine
		ты твои твой твоих твое твоего вы ваши ваш ваших свои свой свою своих тебе вам тебя ти твої твій ваші ваш своїх свої свій тобі anda kamu kau mu
		sen senin sana siz sizin bạn của_bạn mày ikaw mo iyong inyong ka εσύ σου σας σε أنت لديك لك אתה שלך לך שלכם तुम* आप* तेरे अपने अपना तू তুমি তোমার আপনার তোমাদের آپ شما تو خود
		你 您 妳 คุณ ของคุณ あなた 君 貴方 お前 너 당신 네 너의 tumhar* aap aapke apna apne tera`,
	system: `system* developer* hidden internal* secretly confidential initialization initialisation backend underlying core admin* operator root meta sys creators
		versteckt* intern* geheim* entwickler* système* caché* interne* développeur* sistema* ocult* intern* desarrollador* escondid* desenvolvedor* nascost* interno sviluppator* systeem* verborgen ontwikkelaar*
		systemu dold* utvecklar* ukryt* wewnętrzn* systemow* skryt* intern* systémov* vývojář* ascuns* sistem* систем* скрыт* внутренн* разработчик* прихован* внутрішн* розробник* sistem* tersembunyi pengembang*
		gizli* geliştirici* hệ_thống ẩn nội_bộ nhà_phát_triển nakatago* συστήματος συστημ* κρυφ* εσωτερικ* προγραμματιστ* النظام نظام* مخفي* المخفية الداخلية המערכת מערכת* נסתר* פנימי* सिस्टम* छिपे* छुपे* गुप्त* आंतरिक*
		সিস্টেম* গোপন* লুকানো* سیستم* مخفی* پنهان* ระบบ ซ่อน ภายใน ผู้พัฒนา 系统 隐藏 内部 系統 開発者 开发者 システム 隠し 隠され 内部 시스템 숨겨진 숨은 내부 개발자`,
	prompt: `prompt* preprompt metaprompt systemprompt context_window aufforderung* eingabeaufforderung* invite mensaje_del_sistema istem* prompta промпт* промт* подсказк* підказк*
		prompta* prompty prompten प्रॉम्प्ट* প্রম্পট* پرامپت* พรอมต์ 提示词 提示詞 提示 プロンプト 프롬프트 الموجه المطالبة موجه* הפרומפט פרומפט* הנחיית प्रोम्प्ट* προτροπ*`,
	secret: `password* passcode* passphrase* secret* key keys flag credential* token tokens pin codeword code_word magic_word api_key vault
		passwort* geheimnis* schlüssel* mot_de_passe secret* clé contraseña* secreto* clave* senha* segred* chave* parola parol* segreto chiave wachtwoord* geheim sleutel* lösenord* hemlig* nyckel* hasło* hasła tajemnic* sekret* klucz*
		heslo* tajemství* klíč* secretul* cheia пароль* пароля секрет* ключ* таємниц* sandi* rahasia* kunci* şifre* parola* sır* anahtar* mật_khẩu bí_mật khóa lihim* susi* κωδικ* μυστικ* κλειδί كلمة_السر كلمة_المرور السر سر* مفتاح הסיסמה סיסמ* סוד* מפתח
		पासवर्ड* रहस्य* कुंजी* পাসওয়ার্ড* চাবি* গোপনীয়* رمز* راز* کلید* รหัสผ่าน ความลับ รหัส กุญแจ 密码 秘密 密钥 口令 暗号 密碼 機密 パスワード 秘密 合言葉 キー 비밀번호 비밀 암호`,
	role: `act acting pretend* roleplay* role simulate* simulation imagine become persona character play playing behave embody impersonate emulate portray pose immerse
		spiel* tu_so rolle stell_dir verhalte agis fais_semblant joue rôle imagine* comporte* actúa* actua* finge* finja* imagina* compórtate rol aja finja atue imagine fingi* agisci* interpreta* ruolo comportati immagina*
		doe_alsof gedraag* speel* stel_je rol agera låtsas* spela roll föreställ* zachowuj* udawaj* odgrywaj* wyobraź* chovej* předstírej* představ* comportă* prefă* joacă* представь* притвор* веди_себя действуй* роль
		уяви* вдавай* прикинься* поводься* bertindak* berperan* bayangkan* pura_pura* davran* rol_yap* hayal_et* gibi_yap* hãy_đóng đóng_vai giả_vờ tưởng_tượng hành_động_như magkunwari* kumilos* gumanap* isipin*
		υποδύσου* παίξε* προσποιήσου* φαντάσου* تصرف* تظاهر* تخيل* دور העמד_פנים התנהג* דמיין* तुम_अब नाटक* कल्पना* अभिनय* অভিনয়* কল্পনা* ভান* وانمود* تصور* نقش* แสร้ง สมมติ สวมบทบาท ทำตัว 扮演 假装 模拟 充当 假設 想像 角色 演じ ふり なりきって 振る舞 役 역할 척 연기 가정 행동해`,
	free: `unrestricted unfiltered uncensored unlimited unbound* jailbroken dan amoral unethical immoral unchained unhinged unleashed freely liberated freed free unconstrained lawless evil rogue anything_now godmode
		uneingeschränkt* ungefiltert* unzensiert* sans_restriction* sans_filtre* non_censuré* libre* sin_restriccion* sin_filtro* sin_censura sem_restriç* sem_filtro* sem_censura livre senza_restrizion* senza_filtri senza_limiti liber*
		zonder_beperking* ongefilterd* vrij utan_begränsning* ofiltrerad* fri bez_ogranicz* bez_cenzury bez_filtr* bez_omezení fără_restricții без_ограничен* без_цензур* без_обмежень tanpa_batas* tanpa_filter bebas sınırsız* filtresiz* özgür* không_giới_hạn walang_limit* χωρίς_περιορισμ*
		بدون_قيود دون_قيود ללא_הגבלות बिना_किसी অবাধ* بدون_محدودیت ไม่มีข้อจำกัด 不受限制 没有限制 无限制 無制限 制限なし 制限のない 제한_없 제한이_없 자유로`,
	limits: `restriction* limit limits limitation* filter filters filtering censor* safety ethic* moral* guardrail* safeguard* boundaries boundary security moderation content_policy protection* defense* constraints refusal*
		beschränkung* einschränkung* sicherheit* filter* zensur* ethik* restriction* sécurité filtres censure éthique* restriccion* seguridad filtros censura ética* limitacion* restriç* segurança limitaç* restrizion* sicurezza etic* limitazion* beperking* veiligheid*
		begränsning* säkerhet* ograniczeń ograniczen* bezpieczeń* omezení bezpečnost* restricți* siguranț* ограничен* безопасност* цензур* фильтр* этик* обмежен* безпек* batasan* keamanan* kısıtlama* güvenlik* sınır* giới_hạn an_toàn hạn_chế limitasyon* kaligtasan* seguridad* περιορισμ* ασφάλει* φίλτρ*
		قيود* القيود السلامة الأمان הגבלות* המגבלות בטיחות* प्रतिबंध* सुरक्षा* সীমাবদ্ধ* নিরাপত্তা* محدودیت* ایمنی* ข้อจำกัด ความปลอดภัย 限制 安全 过滤 审查 道德 制限 安全 フィルター 検閲 제한 안전 필터 검열`,
	mode: `mode modes modus devmode debug debugging sudo maintenance diagnostic* enable* enabled activate* activated engage entering override_code
		entwicklermodus modus aktiviere* mode_développeur active* activer modo* activa* ative modalità attiva* modus activeer* läge aktivera* tryb* aktywuj* włącz* režim* aktivuj* modul activează* режим* включи* активируй* увімкни* активуй* mode_pengembang aktifkan* modu* modunu etkinleştir* chế_độ kích_hoạt mode i-activate
		λειτουργία ενεργοποίησ* وضع* فعل* מצב* הפעל* मोड* सक्रिय* মোড* সক্রিয়* حالت* فعال* โหมด เปิดใช้งาน 模式 激活 启用 进入 模式 モード 有効 起動 모드 활성화`,
	now:     `now from_now onwards onward henceforth new instead hereby today jetzt ab_sofort nun maintenant désormais ahora agora ora adesso nu teraz nyní acum теперь отныне тепер відтепер sekarang mulai şimdi artık bây_giờ từ_giờ ngayon τώρα الآن عכשיו עכשיו מעתה अब এখন اکنون الان ตอนนี้ ต่อไปนี้ 现在 从现在 今から 今後 これから 지금 이제 앞으로 ab`,
	all:     `all any every everything each whole entire entirely full complete completely totally anything alle* alles sämtlich* gesamt* tout* tous toutes ensemble todo* toda* tutt* alla allt hela wszystk* cał* všechn* vše celý toate tot toți все всё всех весь всю усі всі все semua seluruh segala tüm bütün her hepsi tất_cả mọi toàn_bộ lahat buong όλ* كل جميع כל सभी सब सारे পুরো সব সকল همه تمام ทั้งหมด ทุก 所有 全部 一切 任何 すべて 全て 全部 모든 모두 전부 sab sabhi`,
	no:      `no not never without dont doesnt cannot cant wont none nothing stop cease refrain neither kein* nicht nie ohne ne_pas pas jamais sans aucun* no nunca sin ningun* não sem nenhum* non mai senza nessun* niet geen nooit zonder inte ingen inga aldrig utan nie bez żadn* není žádn* nu fără niciun* не нет без никак* ні без жодн* tidak jangan tanpa bukan değil yok hiçbir không đừng walang hindi huwag δεν μην χωρίς κανέν* لا ليس بدون أي דون לא אל בלי ללא नहीं मत बिना না নেই ছাড়া نه بدون هیچ ไม่ อย่า 不 没有 无 别 ない なし ずに 않 없 말고 nahi mat`,
	mine:    `my our mein* unser* mes mon nos notre mis nuestro* meu minha meus nosso* mio mia miei nostro mijn onze mitt mina vår* mój moje moja nasz* můj moje náš mea noștri мой моя мое мои моих наш* мій моя мої наші saya benim bizim của_tôi akin aking μου μας لدي שלי שלנו मेरे मेरा मेरी हमारे আমার আমাদের ของฉัน 我的 我们的 私の 僕の 내_ 나의 저의 mera mere meri`,
	article: `a an some another someone example examples ein* un une des uno una unos uma um een en ett jedn* jeden o niște sebuah bir một isang ένα* หนึ่ง 一个 一種 ある 어떤 한`,
	text: `text texts message messages word words sentence sentences conversation chat content contents paragraph line lines section sections dialogue dialog history transcript document documents
		nachricht* text* wörter satz sätze message* phrase* mots texte* mensaje* texto* palabra* frase* mensage* mensagen* palavra* messagg* testo parole frasi bericht* tekst* woord* meddeland* ord wiadomoś* tekst* słow* zpráv* slov* mesaj* cuvinte текст* сообщени* слов* повідомлен* pesan* teks* kata mesaj* metin* kelime* văn_bản tin_nhắn mensahe* salita* μήνυμα* κείμεν* λέξ* رسالة* النص كلمات* הודע* טקסט מילים संदेश* पाठ* शब्द* বার্তা* লেখা* شব্দ* پیام* متن* ข้อความ 文字 消息 内容 对话 文本 信息 メッセージ 文章 内容 テキスト 会話 메시지 내용 텍스트 대화`,
	ask:       `what whats which how why who where when does did is_it was wie warum quoi quel* que qué cuál* qual* come cosa wat welk* hoe vad vilk* co jak* jaki* ce care что какие* какой как що які* який apa bagaimana apakah ne nedir nasıl gì nào ano paano τι ποι* ما ماذا كيف מה איך क्या कैसे কি কী چه چیست อะไร อย่างไร 什么 什麼 怎么 如何 哪 何 どう どの 무엇 뭐 어떻게 어떤 kya kaise`,
	about:     `explain* mean means meaning definition define article story poem essay research paper book novel lesson course tutorial learn understand difference attack attacks injection vulnerability test tests testing detect detection prevent protect defend study example erklär* bedeutet expli* signific* spiega* uitleg* förklar* wyjaśn* vysvětl* объясни* поясни* jelaskan açıkla* giải_thích εξήγησ* اشرح הסבר समझा* ব্যাখ্যা* توضیح อธิบาย 解释 说明 什么是 説明 とは 설명`,
	refuse:    `refus* apologiz* apologis* apology sorry disclaimer* warning* decline* comply complies obey obeys obedient obedience reject unable inappropriate illegal unethical harmful morality censored verweiger* gehorch* refuse* obéi* rechaz* obedec* recus* obedeç* rifiut* obbed* weiger* gehoorz* vägra* lyd* odmów* posłusz* odmít* poslouch* refuz* отказ* подчин* відмов* menolak patuh* reddet* itaat* từ_chối tuân_theo αρν* ارفض أطع סרב ציית मना इनकार প্রত্যাখ্যান امتناع ปฏิเสธ เชื่อฟัง 拒绝 服从 道歉 拒否 従っ 거부 복종`,
	machine:   `ai ais assistant* chatgpt gpt gpt4 gpt3 llm llms model models bot bots chatbot* claude gemini openai anthropic copilot bard intelligence machine ki sprachmodell* ia modèle* modelo* modello assistent* asystent* asistent* ассистент* ии нейросет* бот асистент* asisten* yapay_zeka trí_tuệ τεχνητή الذكاء בינה एआई এআই هوش ปัญญา 人工智能 助手 模型 人工知能 アシスタント 인공지능 어시스턴트`,
	begin:     `begin begins beginning start starts starting respond response responses answer answers reply replies prefix complete continue continuation finish antwort* beginn* répon* commenc* respond* respuesta* empieza* respost* comece* rispost* rispondi* inizi* antwoord* svara* börja* odpowied* zaczn* odpověz* začni* răspun* ответ* отвеча* начни* відповід* почни* jawab* mulai* cevap* yanıt* başla* trả_lời bắt_đầu sagot* απάντησ* ξεκίνα* أجب ابدأ ענה התחל जवाब उत्तर शुरू উত্তর শুরু پاسخ جواب ตอบ เริ่ม 回答 开始 答え 回答 始め 대답 답변 시작`,
	want:      `please want need must should shall will can could would let lets allow allowed permission bitte musst kannst soll darfst veux dois devez peux por_favor debes puedes quiero deve pode quero devi puoi voglio moet kunt wil måste kan vill musisz możesz chcę musíš můžeš chci trebuie poți vreau пожалуйста должен можешь хочу будь_ласка повинен tolong harus bisa lütfen gerek hãy phải có_thể dapat maaari πρέπει μπορείς يجب يمكنك من_فضلك חייב יכול בבקשה कृपया चाहिए দয়া অনুগ্রহ باید لطفا ต้อง กรุณา 请 必须 应该 可以 请你 ください てください 주세요 해줘 반드시`,
	translate: `translate* translation encode* encoded encoding decode* decoded base64 rot13 hex binary morse leetspeak cipher reverse reversed backwards backward language french german spanish json xml yaml markdown html rhyme alphabet letter letters übersetz* tradui* traduc* traduz* traduci* vertaal* översätt* przetłumacz* přelož* переведи* переклад* terjemahkan* çevir* dịch isalin* μετάφρασ* ترجم* תרגם* अनुवाद* অনুবাদ* ترجمه* แปล 翻译 翻譯 翻訳 訳し 번역`,
	is:        `is are am be been being was were ist bist sind est es sont eres son é são è sei sono bent zijn är jest są jesteś je jsi jsou ești sunt есть является є adalah dır là ay είσαι είναι هو هي הוא हो है हैं ছিল হল است เป็น คือ 是 です だ である 이다 입니다`,
	do:        `do does did done follow follows followed following perform execute run carry befolg* folge* suiv* suis sigue* siga* seguir segui* siga volg* följ* wykonaj* postępuj* proveď* následuj* urmează* execută* выполни* следуй* виконай* дотримуйся* ikuti* lakukan* uygula* uy takip thực_hiện làm_theo sundin* gawin* ακολούθ* εκτέλεσ* نفذ اتبع בצע עקוב पालन करो करें অনুসরণ কর انجام پیروی ทำตาม ปฏิบัติ 执行 遵循 按照 遵守 実行 従う 실행 따르 따라`,
	verbatim:  `verbatim exactly word_for_word literally precisely unchanged unmodified unaltered exact codeblock code_block wörtlich* genau wortwörtlich* mot_pour_mot exactement textuellement palabra_por_palabra literalmente exactamente textualmente parola_per_parola letteralmente woordelijk letterlijk ordagrant dosłownie słowo_w_słowo doslovně cuvânt_cu_cuvânt дословно слово_в_слово дослівно kata_demi_kata persis kelimesi_kelimesine aynen nguyên_văn chính_xác eksakto* κατά_λέξη αυτολεξεί حرفيا כלשונו מילה_במילה शब्दशः हूबहू হুবহু کلمه_به_کلمه คำต่อคำ 逐字 一字不差 原文 原样 一語一句 そのまま 그대로`,
	data:      `data database document documents file files email emails user users code source tool tools function functions api daten données datos dados dati gegevens dane údaje данные дані`,
	game:      `game riddle joke hypothetical* hypothetically fictional fiction scenario dream universe world parallel grandmother grandma spiel_ein jeu juego jogo gioco hypothet* fiktion* fictif* ficti* игра* гипотетич* вигадан* oyun* 游戏 假设 虚构 ゲーム 架空 仮 게임 가상`,
}

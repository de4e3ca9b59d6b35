"""What a run works on and how it treats the cards: text, a large language model, one card of several, memory that it keeps.

>>> doc = Document.of("I fine-tune an LLM with max_len=200 and load_in_8bit; the memory is not properly released after each step.")
>>> [o.value for o in read(doc)]
['large_language_model', 'text_data', 'memory_not_given_back']
"""

from __future__ import annotations

from collections.abc import Iterator

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.situations._table import compiled, signals_of

TRIGGERS: tuple[str, ...] = ()

_PATTERNS = compiled(
    {
        "large_language_model": r"\bv?llms?\b|large language model|load_in_[48]bit|大语言模型|大模型|\balpaca\b|chatglm|sharegpt|"
        r"\bq-?lora\b|instruction[- ]tun|causal ?lm|指令微调",
        "text_data": r"\btokeni[sz]er|max_?(?:seq(?:uence)?|source|target|prompt|completion|token)?_?(?:len|length)\b|cutoff_len|"
        r"\bseq(?:uence)?[ _]len|语料|文本|\bcorp(?:us|ora)\b|\bbert\b|text classification|\bnlp\b|summari[sz]ation|"
        r"machine translation|"
        r"\bsentences?\b|question answering|\bembedding model",
        "scene_photos": r"\bcolmap\b|gaussian[- _]?splat|\bnerfs?\b|\b[234]dgs\b|radiance field",
        "image_generation": r"txt2img|img2img|text[- ]to[- ](?:image|video)|image[- ]to[- ]video|\beuler a\b|\bcfg(?: scale)?\b|ksampler|"
        r"--?(?:low|med|no)vram|\bsdxl\b|stable[- ]diffusion|generat\w* (?:an? |some |the |\d+ )?(?:images?|pictures?|videos?)|"
        r"文生图|图生图|文生视频|出图|生图",
        "image_restoration": r"super[- ]?resolution|\besrgan|real-?esrgan|\bswinir\b|\bupscal(?:e|er|ing)\b|--tile\b|"
        r"\btil(?:e|ing) (?:size|option|strategy|mode)|(?:image|video|face) restoration|\bdeblur|\bdenois(?:e|ing) (?:image|photo)|超分",
        "pictures_in": r"\b(?:images?|photos?|pictures?|frames)\b|图像|图片|照片",
        "calibration": r"\bcalib(?:ration)?[-_ ](?:dataset|data|samples?|seq|set)|export_quantization|"
        r"\bauto_?(?:awq|gptq)\b|\bllmcompressor\b|llm-compressor|"
        r"quanti[sz](?:e|ing) (?:the |a |an |my |large )?(?:\w+ )?models?|量化(?:大?模型)?时|做量化",
        "asks_to_run": r"how (?:to|can i|do i|could i) run\b|possible to run\b|"
        r"run (?:it |this )?on (?:a |an |my )?(?:rtx ?|gtx ?)?\d+ ?gb?\b|minimum (?:recommended )?(?:gpu|vram)|"
        r"low(?:er)?[- ](?:vram|memory) (?:gpus?|cards?|mode)|"
        r"能(?:不能|否)?在[^\n。]{0,12}(?:跑|运行)|怎么(?:才能)?跑",
        "speech_data": r"\basr\b|\btts\b|speech (?:recognition|synthesis|enhancement|separation)|utterances?\b|max[-_]duration|"
        r"batch[-_]bins|\bwav2vec|\bhubert\b|conformer\b|transducer\b|"
        r"diari[sz]ation|whisperx|tacotron|vocoder|\bmel[-_ ](?:frames|spec)|max_mel_frames|语音|音频",
        "memory_not_given_back": r"(?:memory|vram)(?: usage)? (?:is |was |are |does |will |has |that is )?(?:never|not|n't)"
        r"(?: be| been| being)? ?"
        r"(?:properly |fully |completely |correctly |entirely |really |automatically )?(?:released?|freed?|clear(?:ed)?|cleaned|recovered|"
        r"reclaimed|deallocated)|(?:not|n't|never|without) (?:\w+ )?(?:releas|free|clear|deallocat)(?:e|es|ed|ing)? (?:\w+ ){0,2}"
        r"(?:gpu |cuda )?(?:memory|vram)|(?:显存|gpu ?内存)[^\n。，,]{0,8}(?:没有?|未|不会?|无法|不能)"
        r"(?:被|完全|正确|及时)?(?:释放|清空|回收)",
        "point_cloud": r"point[- _]?clouds?\b|\bpointnet|\blidar\b|\bvoxel|\bs3dis\b|scannet|semantickitti|"
        r"\d+k points\b|点云|体素",
        "asks_for_fewer_bits": r"(?:how (?:to|can|do)|can (?:i|we|you)|is there|any|possible to)[^\n.?]{0,48}"
        r"(?:\bint[48]\b|[48][- ]?bit|quanti[sz]ed (?:version|model|weights))|"
        r"(?:怎么|怎样|如何|能否|能不能|可以|有没有|有人|谁有|分享)[^\n。]{0,16}(?:int[48]|[48]-?bit|量化)",
        "attention_not_fused": r"xformers off|(?:without|not using|don'?t use|not use|disabl\w+) "
        r"(?:the )?(?:xformers|memory[- ]efficient attention)|"
        r"no module ['\"]?xformers|xformers (?:is |was )?(?:not|isn'?t|wasn'?t) (?:installed|available|loaded|loading|working|found)|"
        r"(?:没有?|未)(?:安装|启用|开启|使用|装|开) ?xformers",
        "replay_buffer": r"replay[- _]?(?:buffer|memory|pool|queue)|experience replay|经验(?:回放|池)|回放(?:池|缓冲)|"
        r"(?:^|[^a-z0-9])(?:ddpg|td3|ddqn|dqn|dreamer(?:v[123])?)(?:[^a-z0-9]|$)|off[- ]policy rl|"
        r"soft actor[- ]critic|\bsac\b[^\n.]{0,40}\bppo\b|"
        r"\bppo\b[^\n.]{0,40}\bsac\b",
        "long_molecule": r"alphafold|openfold|esm-?fold|omegafold|rosettafold|colabfold|"
        r"\bboltz-?[12]?\b|\bchai-1\b|protenix|\besm(?:-?[12]b?)?\b|"
        r"predict(?:ing|ed)? (?:the )?structures? of|"
        r"\bproteins?\b|amino[- ]acid|\b\d+ residues\b|\bmultimers?\b|\b\d+[- ]?mers?\b|\b\d{3,5} ?aa\b|nucleotide|"
        r"蛋白(?:质)?|氨基酸|残基",
        "ranks_on_first_card": r"(?:every|each|all|other|another|second) (?:\w+ )?process(?:es)?[^\n.]{0,60}\bgpu[ -]?(?:0|id 0)\b|"
        r"process(?:es)? (?:rank )?[1-9][^\n.]{0,50}\bgpu[ -]?0\b|"
        r"(?:additional|extra|more|\d) (?:\w+ )?process(?:es)? (?:on|in|at) (?:the )?(?:gpu[ -]?0|first gpu|cuda:0)\b|"
        r"gpus? [1-9][^\n.]{0,60}(?:on|in|of) gpu ?0\b|"
        r"gpu ?0 (?:always )?(?:occup(?:y|ies)|holds|takes)[^\n.]{0,60}(?:each|every|other|assigned)|"
        r"(?:其[他它]|每个|所有)(?:进程|rank)[^\n。]{0,20}(?:第一张卡|0号卡|gpu ?0|卡0)|"
        r"(?:gpu ?0|0号卡|卡0|第一张卡)[^\n。]{0,16}(?:多(?:个|出|了)?[^\n。]{0,6}进程)",
        "one_card_used": r"only (?:one|1|a single|the first) (?:gpu|card)[^\n.]{0,24}(?:used|works?|busy|loaded|in use|occupied)|"
        r"only (?:us(?:es?|ing)|runs? on|loads? (?:on|to|into)) (?:one|1|a single|the first) (?:gpu|card)|"
        r"how (?:to|can (?:i|we)|do (?:i|we)) (?:\w+ ){1,4}(?:on|with|using|across|over|use) (?:multiple|multi|two|2|several|both|all)[- ]?"
        r"(?:gpus?|cards)|只有?(?:在|用|使用|能用)?了?(?:一|1|单)(?:张|块|个)?(?:显?卡|gpu)[^\n。，,]{0,6}(?:使用|在用|工作|占用|跑|被用)|"
        r"只(?:用|使用)了?(?:一|1|单)(?:张|块|个)?(?:显?卡|gpu)|(?:双卡|多卡|两张卡|多张卡|多gpu)[^\n。，,]{0,6}(?:怎么|如何)|"
        r"(?:怎么|如何|怎样)[^\n。，,]{0,8}(?:双卡|多卡|两张卡|多张卡|多gpu|多个gpu)",
        "moved_before_offload": r"\.to\(['\"]?(?:cuda|device|torch_device)[^\n)]{0,24}\)(?:[^\n]*\n){1,12}?[^\n]{0,80}"
        r"enable_(?:model|sequential)_cpu_offload",
    }
)  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """A signal for each that the text shows."""
    yield from signals_of(doc, _PATTERNS)

# cmake -DINPUT=module.spv -DOUTPUT=module.inc -P TernEmbedWords.cmake: the little-endian words of a file, for a C array.
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1,\n" words "${hex}")
file(WRITE ${OUTPUT} "${words}")

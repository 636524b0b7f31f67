# cmake -DFOLDER=... -DOUTPUT=page.inc -P TernEmbedPage.cmake: the page of FOLDER with its style and scripts in it, as the
# bytes of a C array.
file(READ ${FOLDER}/page.html page)
file(READ ${FOLDER}/page.css style)
set(script "")
foreach(name data svg charts tables page) # each uses those before it
  file(READ ${FOLDER}/${name}.js text)
  string(APPEND script "${text}")
endforeach()
string(REPLACE "@STYLE@" "${style}" page "${page}")
string(REPLACE "@SCRIPT@" "${script}" page "${page}")
file(WRITE ${OUTPUT}.html "${page}")
file(READ ${OUTPUT}.html hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT} "${bytes}0\n")
file(REMOVE ${OUTPUT}.html)

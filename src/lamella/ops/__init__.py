from lamella.ops._elementwise import *
